/** Time and randomness, so that a test can control both. */
import { setTimeout as delay } from 'node:timers/promises';

export interface Time {
  /** ms, of a clock that only goes forward. */
  now(): number;
  /** Ends early, without an error, when the signal is aborted. */
  pause(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** From 0 up to 1. */
  random(): number;
}

export const realTime: Time = {
  now: () => performance.now(),
  pause: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => undefined),
  random: Math.random,
};

/**
 * The result of an operation, or that of `late` when the time is over. The timer ends with it, so that it does not keep
 * the process running.
 */
export async function within<T, L>(milliseconds: number, operation: Promise<T>, late: () => L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return Promise.race([operation, end.then(late)]).finally(() => {
    clearTimeout(timer);
  });
}
