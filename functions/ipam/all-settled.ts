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
const MAX_OPERATIONS_AT_ONCE = 32;

/**
 * Runs one operation for each item, thirty-two at a time.
 *
 * @param isOver asked before each item: the remaining ones are left out once it says so.
 * @returns the results, without those of items that were left out.
 * @throws a failure, once all operations that were started have ended; no others are started after it.
 */
export async function sideBySide<T, R>(
  items: Iterable<T>,
  operation: (item: T) => Promise<R>,
  isOver: () => boolean = () => false,
): Promise<R[]> {
  const results: R[] = [];
  let hasFailed = false;
  const left = [...items].entries();
  const worker = async (): Promise<void> => {
    while (!hasFailed && !isOver()) {
      const next = left.next();
      if (next.done === true) return;
      const [number, item] = next.value;
      try {
        results[number] = await operation(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await allSettledOrThrow(Array.from({ length: MAX_OPERATIONS_AT_ONCE }, worker));
  return results;
}
