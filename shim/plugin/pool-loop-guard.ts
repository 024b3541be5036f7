/**
 * dockerd compares an automatic pool with the host's networks and asks for another one at once where they overlap, without
 * end and beyond the reach of Ctrl-C (moby: remote IPAM driver, RequestPool). It names none of them before it is content.
 *
 * Networks that dockerd is content with may never be named either: where it needs no gateway (macvlan without one, internal
 * networks, isolated bridges), it asks for a pool and nothing else. But it asks for the default address spaces before each
 * network, and not in its loop. So what counts is how many pools it was given beyond those questions.
 */

/** So many automatic pools that no question came before, and of which nothing was heard since, are no user's wish. */
const MAX_GRANTS = 16;
/** ms for which such a pool counts. */
const PERIOD = 5_000;
/** ms for which a question counts: longer than the call that follows it may take. */
const ASK_LIFE = 30_000;
/** Questions that are remembered, at most. */
const MAX_ASKS = 1_000;

export class RateGuard {
  readonly #now: () => number;
  /** When dockerd has asked for the default address spaces and was given no pool for it yet. */
  readonly #asks: number[] = [];
  /** When each pool beyond those questions was granted, by PoolID. */
  readonly #beyond = new Map<string, number>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** dockerd asks for the default address spaces: a network follows. */
  asked(): void {
    this.#forget();
    if (this.#asks.length < MAX_ASKS) this.#asks.push(this.#now());
  }

  /** Why dockerd gets no further automatic pool. `undefined`: it does. */
  refusal(): string | undefined {
    this.#forget();
    if (this.#asks.length > 0 || this.#beyond.size < MAX_GRANTS) return undefined;
    return (
      `dockerd asked for ${MAX_GRANTS} automatic pools within ${PERIOD / 1_000} s and used none: its check against this host's ` +
      'routes and nameservers refuses each; give a --subnet, or ranges in the space that this host does not reach otherwise'
    );
  }

  granted(poolId: string): void {
    this.#forget();
    if (this.#asks.shift() === undefined) this.#beyond.set(poolId, this.#now());
  }

  /** A call that names a pool: dockerd uses it, or gives it back. */
  named(poolId: string): void {
    this.#beyond.delete(poolId);
  }

  #forget(): void {
    const now = this.#now();
    while ((this.#asks[0] ?? now) <= now - ASK_LIFE) this.#asks.shift();
    for (const [poolId, granted] of this.#beyond) if (granted <= now - PERIOD) this.#beyond.delete(poolId);
  }
}
