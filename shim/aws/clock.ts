/** This host's clock, corrected by the time that AWS reports: AWS refuses a signature whose time is too far off. */

/**
 * AWS allows five minutes between signing and arrival. A `date` header holds whole seconds and takes a while to
 * arrive, so a difference that looks slightly smaller may already be too large.
 */
const MIN_CORRECTION_MS = 5 * 60_000 - 10_000;

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

  /** ms by which AWS's clock is ahead, once a difference has mattered. */
  get offset(): number {
    return this.#offset;
  }

  /** @returns whether the clock was off by too much and has been corrected. */
  learn(date: string | undefined): boolean {
    const told = Date.parse(date ?? '');
    if (Number.isNaN(told) || Math.abs(told - this.now()) < MIN_CORRECTION_MS) return false;
    this.#offset = told - this.#own();
    return true;
  }
}
