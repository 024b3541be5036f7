/** A network ends for good, though nobody released it: its host is dead, or was silent for too long. */
import type { Deps } from './deps.ts';
import { turnRef } from './host-refs.ts';
import { retireUnreferenced } from './membership.ts';
import { freeOrphans } from './orphans.ts';
import type { Ref } from './ref.ts';
import { type Sequenced, freeUnkept, keptBy } from './reservation.ts';
import { encodeTime } from './slot.ts';
import type { World } from './world.ts';

/** In what is freed for a host stands when that was, in the place of a sequence of its own. */
export const inItsPlace = (world: World): Sequenced => ({ requestKey: `${encodeTime(world.now())}0000` });

/**
 * Ends a reference as long as it is meant, and then frees what it held. The reference goes first: until it is gone, its
 * host may wake it, and goes on with all that it leases.
 *
 * @returns whether it was ended.
 */
export async function bury(deps: Deps, seen: Ref, isMeant: (ref: Ref) => boolean): Promise<boolean> {
  const { store, world } = deps;
  const isEnded = await turnRef(deps, seen, (ref) =>
    isMeant(ref) ? { state: 'gone', epoch: ref.epoch, fencedAt: ref.fencedAt, endedAt: world.now() } : undefined,
  );
  if (!isEnded) return false;
  const livesOn = await retireUnreferenced(deps, seen);
  if (!livesOn) return true;
  // What it keeps may have changed since it was seen, up to its end.
  const ended = (await store.readRef(seen.generation, seen.name)) ?? seen;
  await freeUnkept(deps, inItsPlace(world), ended, keptBy(ended));
  await freeOrphans(deps, inItsPlace(world), ended, [ended.name]);
  return true;
}
