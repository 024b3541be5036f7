/** A network ends for good without a release: its host is dead, or was silent for too long. */
import { freeOrphans } from '../addresses/orphans.ts';
import { type Sequenced, freeUnkept, keptBy } from '../addresses/reservation.ts';
import type { Deps } from '../deps.ts';
import { transitionRef } from '../host-refs.ts';
import { retireUnreferenced } from '../pools/membership.ts';
import type { Ref } from '../ref.ts';
import { encodeTime } from '../slot.ts';

/**
 * The sequence of what is freed in the place of a host. It is earlier than any message of the host, so a host that
 * restores its network can take back what was freed.
 */
export const IN_PLACE_OF_HOST: Sequenced = { requestKey: encodeTime(0) + '0000' };

/**
 * Ends a reference if `isMeant` still accepts it, and then frees what it held. The reference ends first: until then its
 * host may wake it and keep all that it leases.
 *
 * @returns whether it was ended.
 */
export async function reclaim(deps: Deps, seen: Ref, isMeant: (ref: Ref) => boolean): Promise<boolean> {
  const { store, world } = deps;
  const isEnded = await transitionRef(deps, seen, (ref) =>
    isMeant(ref) ? { state: 'gone', epoch: ref.epoch, fencedAt: ref.fencedAt, endedAt: world.now() } : undefined,
  );
  if (!isEnded) return false;
  const livesOn = await retireUnreferenced(deps, seen);
  if (!livesOn) return true;
  // What it keeps may have changed between `seen` and its end.
  const ended = (await store.readRef(seen.generation, seen.name)) ?? seen;
  await freeUnkept(deps, IN_PLACE_OF_HOST, ended, keptBy(ended));
  await freeOrphans(deps, IN_PLACE_OF_HOST, ended, [ended.name]);
  return true;
}
