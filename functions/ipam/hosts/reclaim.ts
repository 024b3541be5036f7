/** A network ends for good, though nobody released it: its host is dead, or was silent for too long. */
import { freeOrphans } from '../addresses/orphans.ts';
import { type Sequenced, freeUnkept, keptBy } from '../addresses/reservation.ts';
import type { Deps } from '../deps.ts';
import { transitionRef } from '../host-refs.ts';
import { retireUnreferenced } from '../pools/membership.ts';
import type { Ref } from '../ref.ts';
import { encodeTime } from '../slot.ts';

/**
 * What is freed in the place of a host was released by no message of its own, so that none of them came before it: a host
 * that takes its network up again takes it back.
 */
export const IN_PLACE_OF_HOST: Sequenced = { requestKey: encodeTime(0) + '0000' };

/**
 * Ends a reference as long as it is meant, and then frees what it held. The reference goes first: until it is gone, its
 * host may wake it, and goes on with all that it leases.
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
  // What it keeps may have changed since it was seen, up to its end.
  const ended = (await store.readRef(seen.generation, seen.name)) ?? seen;
  await freeUnkept(deps, IN_PLACE_OF_HOST, ended, keptBy(ended));
  await freeOrphans(deps, IN_PLACE_OF_HOST, ended, [ended.name]);
  return true;
}
