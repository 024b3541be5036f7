/**
 * Virtual time: pauses are events in a queue, and the clock jumps from one to the next. What waits runs until it waits
 * again before the clock moves, so that the program's own retry loops run in it unchanged.
 */
import type { Time } from '../../shim/time.ts';
import { chance } from '../../test/support/interleaving.ts';
import { Heap } from './heap.ts';

interface Event {
  readonly at: number;
  /** Events of one moment happen in the order in which they were planned. */
  readonly number: number;
  readonly happen: () => void;
}

/** Events for each turn of Node's loop: it runs what waits for an event before the next one. */
const EVENTS_A_TURN = 64;

export class VirtualTime implements Time {
  readonly random: () => number;
  readonly #events = new Heap<Event>(
    (one, other) => one.at < other.at || (one.at === other.at && one.number < other.number),
  );
  #now = 0;
  #planned = 0;

  /** @param seed of all randomness. */
  constructor(seed: number) {
    this.random = chance(seed);
  }

  /** ms */
  readonly now = (): number => this.#now;

  readonly pause = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      this.#plan(milliseconds, resolve);
    });

  /** Starts an activity after some ms, from when it takes its own course. */
  start(milliseconds: number, activity: () => unknown): void {
    this.#plan(milliseconds, activity);
  }

  /** ms, exponentially distributed. */
  readonly gap = (mean: number): number => -mean * Math.log(1 - this.random());

  /** Runs until nothing is planned before that moment (ms), or until enough has happened. */
  async run(until = Infinity, isEnough: () => boolean = () => false): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const turn = (): void => {
      const next = this.#events.peek();
      if (next === undefined || next.at > until || isEnough()) {
        resolve(undefined);
        return;
      }
      this.#events.pop();
      this.#now = next.at;
      try {
        next.happen();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      setImmediate(turn);
    };
    for (let i = 0; i < EVENTS_A_TURN; i++) setImmediate(turn);
    await promise;
  }

  #plan(milliseconds: number, happen: () => void): void {
    this.#events.push({ at: this.#now + Math.max(0, milliseconds), number: this.#planned++, happen });
  }
}
