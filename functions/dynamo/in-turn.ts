/** Operations that take turns, so that no more of them are under way at once than is allowed. */

/** Runs an operation as soon as it is its turn. @throws what the operation throws. */
export type InTurn = <T>(operation: () => Promise<T>) => Promise<T>;

/** Turns come in the order in which they were asked for. An operation must not wait for another one's turn. */
export function inTurn(maxAtOnce: number): InTurn {
  const waiting: (() => void)[] = [];
  let free = maxAtOnce;
  return async (operation) => {
    if (free > 0) free--;
    else await new Promise<void>((begin) => waiting.push(begin));
    try {
      return await operation();
    } finally {
      const begin = waiting.shift();
      if (begin === undefined) free++;
      else begin();
    }
  };
}
