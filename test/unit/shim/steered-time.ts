/** Time that a test moves on: whoever pauses goes on when it gets there, in order. */
import type { Time } from '../../../shim/time.ts';

interface Sleeper {
  readonly end: number;
  readonly wake: () => void;
}

/** Chance gives always the same. */
export class SteeredTime implements Time {
  /** ms of each pause that was asked for. */
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

  /** Goes on, past every pause that ends meanwhile, and lets all that follows from them happen. */
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

/** Lets all happen that waits for nothing but its turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
