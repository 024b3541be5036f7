/** Time and chance, so that a test may steer both. */
import { setTimeout as delay } from 'node:timers/promises';

export interface Time {
  /** ms, of a clock that only goes forward. */
  now(): number;
  /** Ends early, and without an error, when the signal is given. */
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
 * What an operation comes to, or what is said of it when the time is over. No timer outlives it, which would keep the
 * process from its end.
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
