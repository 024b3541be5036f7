/** How networks join an existing pool and leave it. A pool lives while it has a reference. */
import { type Former, addRefWithGateway } from '../addresses/reservation.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { pages } from '../pages.ts';
import type { Pool } from '../pool.ts';
import type { Ref } from '../ref.ts';
import type { Store } from '../store.ts';

export type { Former } from '../addresses/reservation.ts';

/** How often one call tries again while others keep changing a pool; then it gives up or leaves the pool to them. */
const MAX_ROUNDS = 8;

/**
 * Joins a pool that was seen confirmed or retiring. The reference is added first and the pool is read afterwards: either
 * the last network to leave sees the reference, or this call sees that the pool is retiring.
 *
 * @param former what the reference restores.
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
 * Runs an operation that a new reference is part of. If it fails, the reference is ended, since nothing would ever release
 * it: the caller has no PoolID. A failure to leave is ignored in favour of the first one, which says more. A reference that
 * is being restored stays: its host has the PoolID, and another attempt may have succeeded already.
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
 * Ends a reference and, if it was the last, its pool. Safe to repeat, to be interrupted anywhere and to run twice at once.
 * A call that loses a write reads again: the winner may have written because of this very reference.
 *
 * @returns whether others keep the pool alive.
 */
export async function leavePool(deps: Deps, ref: RefKey): Promise<boolean> {
  await deps.store.endRef(ref.generation, ref.name, deps.world.now());
  return retireUnreferenced(deps, ref);
}

/** The second half of leaving: removes one life of a pool unless it has a reference. @returns whether it has one. */
export async function retireUnreferenced({ store }: Deps, ref: Omit<RefKey, 'name'>): Promise<boolean> {
  let pool = await store.readPool(ref.space, ref.cidr);
  for (let round = 0; round < MAX_ROUNDS && pool?.generation === ref.generation; round++) {
    if (await isReferenced(store, ref.generation)) {
      if (pool.state === 'retiring') await store.changePool(pool, 'confirmed');
      return true;
    }
    // A reference that was added before the pool was seen retiring is visible now. A call that adds one later sets the
    // pool back to confirmed, and the removal fails. A confirmed pool has to retire first: a call that sees it confirmed
    // takes it as joined.
    if (pool.state === 'confirmed') pool = await store.changePool(pool, 'retiring');
    else if (await store.removePool(pool)) return false;
    else pool = undefined;
    pool ??= await store.readPool(ref.space, ref.cidr);
  }
  return false;
}

/** Whether one life of a pool has a reference that has not ended. */
export async function isReferenced(store: Store, generation: string): Promise<boolean> {
  for await (const { items } of pages((last?: Ref) => store.refsOf(generation, last?.name))) {
    if (items.some((ref) => ref.state !== 'gone')) return true;
  }
  return false;
}
