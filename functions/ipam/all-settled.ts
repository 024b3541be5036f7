/** Operations that run side by side, none of which is left under way. */

/**
 * Runs several operations side by side and waits for all of them, also when one fails: a write that is still under way
 * when the answer goes out could land minutes later, when a frozen function thaws.
 *
 * @throws the first failure, once nothing is under way any more.
 */
export async function allSettledOrThrow<T extends readonly unknown[] | []>(
  operations: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(operations);
  return Promise.all(operations);
}

/** Operations that one call has under way at the same time, where there are many. */
const AT_ONCE = 16;

/** Runs one operation for each item, sixteen at a time. @throws the first failure; what is left then is not begun. */
export async function sideBySide<T, R>(items: readonly T[], operation: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    results.push(...(await allSettledOrThrow(items.slice(from, from + AT_ONCE).map(operation))));
  }
  return results;
}
