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
 * @param deadline ms: what is held then is left to `freeHeld` or to the walk over all items.
 * @returns whether it was ended.
 */
export async function reclaim(
  deps: Deps,
  seen: Ref,
  isMeant: (ref: Ref) => boolean,
  deadline = Infinity,
): Promise<boolean> {
  const { world } = deps;
  const isEnded = await transitionRef(deps, seen, (ref) =>
    isMeant(ref) ? { state: 'gone', epoch: ref.epoch, fencedAt: ref.fencedAt, endedAt: world.now() } : undefined,
  );
  if (!isEnded) return false;
  await freeHeld(deps, seen, deadline);
  return true;
}

/**
 * Frees what a reference held that has ended. Safe to repeat: a run that was cut off here goes on with what is still held.
 *
 * @param deadline ms
 */
export async function freeHeld(deps: Deps, seen: Ref, deadline: number): Promise<void> {
  const livesOn = await retireUnreferenced(deps, seen);
  if (!livesOn) return;
  // What it keeps may have changed between `seen` and its end.
  const ended = (await deps.store.readRef(seen.generation, seen.name)) ?? seen;
  await freeUnkept(deps, IN_PLACE_OF_HOST, ended, keptBy(ended));
  await freeOrphans(deps, IN_PLACE_OF_HOST, [ended], deadline);
}
