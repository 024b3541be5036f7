/** This host's clock, put right by what AWS says of the time: a signature from another time is refused. */

/**
 * ms. AWS allows five minutes between signing and arrival. A `date` header holds whole seconds and travels for a while,
 * so that what it shows as a little less may have been too much.
 */
const CORRECTED_FROM = 5 * 60_000 - 10_000;

export class Clock {
  readonly #own: () => number;
  #offset = 0;

  /** @param own ms since the epoch */
  constructor(own: () => number) {
    this.#own = own;
  }

  /** ms since the epoch */
  now(): number {
    return this.#own() + this.#offset;
  }

  /** @returns whether the clock was off by too much, and is right from now on. */
  learn(date: string | undefined): boolean {
    const told = Date.parse(date ?? '');
    if (Number.isNaN(told) || Math.abs(told - this.now()) < CORRECTED_FROM) return false;
    this.#offset = told - this.#own();
    return true;
  }
}
