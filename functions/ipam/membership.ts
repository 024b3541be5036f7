/** How networks join a pool that stands and leave it. A pool lives while it has a reference. */
import type { Call } from './call.ts';
import type { Deps } from './deps.ts';
import type { Pool } from './pool.ts';
import type { Ref } from './ref.ts';
import { addRefWithGateway } from './reservation.ts';
import type { Page, Store } from './store.ts';
import type { Cidr } from './address.ts';

/** A pool changes hands at most this often while one call looks on; then the call gives up or leaves it to others. */
const MAX_ROUNDS = 8;

/**
 * Joins a pool that was seen confirmed or retiring. The reference comes first and the pool is read afterwards: either
 * the last leaver sees the reference, or we see that the pool retires.
 *
 * @returns `undefined` when that life of the pool has ended: start over.
 */
export async function joinPool(deps: Deps, call: Call, ref: Ref): Promise<Pool | undefined> {
  const { store } = deps;
  await addRefWithGateway(deps, call, ref);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const pool = await store.readPool(ref.space, ref.cidr);
    if (pool?.generation !== ref.generation || pool.state === 'pending') break;
    if (pool.state === 'confirmed') return pool;
    const revived = await store.changePool(pool, 'confirmed');
    if (revived !== undefined) return revived;
  }
  await store.endRef(ref.generation, ref.name);
  return undefined;
}

/**
 * Ends a reference and, when it was the last, its pool. Safe to repeat, to be cut off anywhere and to run twice at once;
 * who finds the pool changed leaves the rest to whoever changed it.
 */
export async function leavePool(
  { store }: Deps,
  ref: { readonly generation: string; readonly name: string; readonly space: string; readonly cidr: Cidr },
): Promise<void> {
  await store.endRef(ref.generation, ref.name);
  const pool = await store.readPool(ref.space, ref.cidr);
  if (pool?.generation !== ref.generation) return;
  if (await isReferenced(store, ref.generation)) return;
  if (pool.state === 'pending') {
    await store.removePool(pool);
    return;
  }
  const retiring = await store.changePool(pool, 'retiring');
  if (retiring === undefined) return;
  // A reference that was added before the pool was seen retiring is visible now; a later one flips the pool back.
  if (await isReferenced(store, ref.generation)) {
    await store.changePool(retiring, 'confirmed');
  } else {
    await store.removePool(retiring);
  }
}

async function isReferenced(store: Store, generation: string): Promise<boolean> {
  let page: Page<Ref> = { items: [], more: true };
  while (page.more) {
    page = await store.refsOf(generation, page.items.at(-1)?.name);
    if (page.items.some((ref) => ref.state !== 'gone')) return true;
  }
  return false;
}
