/** Time that a test advances: each pause ends when the time reaches its end, in order. */
import type { Time } from '../../../shim/time.ts';

interface Sleeper {
  readonly end: number;
  readonly wake: () => void;
}

/** The random number is always the same. */
export class SteeredTime implements Time {
  /** ms of each requested pause. */
  readonly pauses: number[] = [];
  readonly #drawn: number;
  readonly #sleepers = new Set<Sleeper>();
  #now = 0;

  constructor(drawn = 0.5) {
    this.#drawn = drawn;
  }

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.#drawn;
  }

  async pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
    this.pauses.push(milliseconds);
    if (signal?.aborted === true) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const sleeper = {
      end: this.#now + milliseconds,
      wake: () => {
        resolve(undefined);
      },
    };
    signal?.addEventListener('abort', sleeper.wake, { once: true });
    this.#sleepers.add(sleeper);
    await promise;
    this.#sleepers.delete(sleeper);
    signal?.removeEventListener('abort', sleeper.wake);
  }

  /** Advances past every pause that ends on the way, and lets everything that follows from them run. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await settled();
    for (let next = this.#first(end); next !== undefined; next = this.#first(end)) {
      this.#now = next.end;
      next.wake();
      await settled();
    }
    this.#now = end;
  }

  #first(end: number): Sleeper | undefined {
    return [...this.#sleepers].filter((sleeper) => sleeper.end <= end).sort((a, b) => a.end - b.end)[0];
  }
}

/** Lets everything run that waits only for its turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
