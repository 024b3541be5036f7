import type { Store } from './store.ts';
import type { World } from './world.ts';

/** What every use case works with. */
export interface Deps {
  readonly store: Store;
  readonly world: World;
}

/**
 * Runs several operations side by side and waits for all of them, also when one fails: a write that is still under way
 * when the answer goes out could land minutes later, when a frozen function thaws.
 *
 * @throws the first failure, once nothing is under way any more.
 */
export async function together<T extends readonly unknown[] | []>(
  operations: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(operations);
  return Promise.all(operations);
}
