/** How networks join a pool that stands and leave it. A pool lives while it has a reference. */
import { type Former, addRefWithGateway } from '../addresses/reservation.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import type { Pool } from '../pool.ts';
import type { Ref } from '../ref.ts';
import type { Page, Store } from '../store.ts';

export type { Former } from '../addresses/reservation.ts';

/** A pool changes hands at most this often while one call looks on; then the call gives up or leaves it to others. */
const MAX_ROUNDS = 8;

/**
 * Joins a pool that was seen confirmed or retiring. The reference comes first and the pool is read afterwards: either
 * the last leaver sees the reference, or we see that the pool retires.
 *
 * @param former what the reference takes up again.
 * @returns `undefined` when that life of the pool has ended: start over.
 */
export async function joinPool(deps: Deps, call: Call, ref: Ref, former?: Former): Promise<Pool | undefined> {
  return leaveOnFailure(deps, ref, former, async () => {
    await addRefWithGateway(deps, call, ref, { isNewborn: false, former });
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const pool = await deps.store.readPool(ref.space, ref.cidr);
      if (pool?.generation !== ref.generation || pool.state === 'pending') break;
      if (pool.state === 'confirmed') return pool;
      const revived = await deps.store.changePool(pool, 'confirmed');
      if (revived !== undefined) return revived;
    }
    if (former === undefined) await deps.store.endRef(ref.generation, ref.name, deps.world.now());
    return undefined;
  });
}

/**
 * Runs what a new reference is part of; when that fails, the reference goes, for nobody will ever release it: the caller
 * has no PoolID. A failure to leave is passed over in favour of the first, which says more. One that is taken up again
 * stays: its host has the PoolID, and another attempt may be through already.
 */
export async function leaveOnFailure<T>(
  deps: Deps,
  ref: RefKey,
  former: Former | undefined,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (former === undefined) await Promise.allSettled([leavePool(deps, ref)]);
    throw error;
  }
}

type RefKey = Pick<Ref, 'generation' | 'name' | 'space' | 'cidr'>;

/**
 * Ends a reference and, when it was the last, its pool. Safe to repeat, to be cut off anywhere and to run twice at once.
 * Who loses a write looks again: the winner may have written for the sake of this very reference.
 *
 * @returns whether others keep the pool alive.
 */
export async function leavePool(deps: Deps, ref: RefKey): Promise<boolean> {
  await deps.store.endRef(ref.generation, ref.name, deps.world.now());
  return retireUnreferenced(deps, ref);
}

/** The second half of leaving: removes one life of a pool unless somebody refers to it. @returns whether somebody does. */
export async function retireUnreferenced({ store }: Deps, ref: Omit<RefKey, 'name'>): Promise<boolean> {
  let pool = await store.readPool(ref.space, ref.cidr);
  for (let round = 0; round < MAX_ROUNDS && pool?.generation === ref.generation; round++) {
    if (await isReferenced(store, ref.generation)) {
      if (pool.state === 'retiring') await store.changePool(pool, 'confirmed');
      return true;
    }
    // A reference that was added before the pool was seen retiring is visible now; whoever adds one later flips the pool
    // back, and the removal fails. Confirmed, it has to retire first: a joiner that sees it so would be content.
    if (pool.state === 'confirmed') pool = await store.changePool(pool, 'retiring');
    else if (await store.removePool(pool)) return false;
    else pool = undefined;
    pool ??= await store.readPool(ref.space, ref.cidr);
  }
  return false;
}

/** Whether one life of a pool has a reference that has not ended. */
export async function isReferenced(store: Store, generation: string): Promise<boolean> {
  let page: Page<Ref> = { items: [], more: true };
  while (page.more) {
    page = await store.refsOf(generation, page.items.at(-1)?.name);
    if (page.items.some((ref) => ref.state !== 'gone')) return true;
  }
  return false;
}
