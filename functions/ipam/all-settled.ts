/** Operations that run concurrently, none of which is left running. */

/**
 * Runs several operations concurrently and waits for all of them, also when one fails. A write that is still under way
 * when the function answers could land minutes later, when Lambda thaws the frozen function.
 *
 * @throws the first failure, once all operations have ended.
 */
export async function allSettledOrThrow<T extends readonly unknown[] | []>(
  operations: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(operations);
  return Promise.all(operations);
}

/** The most operations that one call runs at the same time. */
const MAX_OPERATIONS_AT_ONCE = 16;

/** Runs one operation for each item, sixteen at a time. @throws the first failure; the remaining ones are not started. */
export async function sideBySide<T, R>(items: readonly T[], operation: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += MAX_OPERATIONS_AT_ONCE) {
    results.push(...(await allSettledOrThrow(items.slice(from, from + MAX_OPERATIONS_AT_ONCE).map(operation))));
  }
  return results;
}
