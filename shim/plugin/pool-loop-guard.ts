/**
 * Ends dockerd's endless loop over automatic pools. dockerd compares such a pool with the host's networks and, where they
 * overlap, asks for another one at once, without end, and Ctrl-C does not stop it (moby: remote IPAM driver, RequestPool).
 * No later call names a pool that dockerd rejects.
 *
 * But no call may name a pool that it accepts either: a network without a gateway (some macvlan and internal networks,
 * isolated bridges) needs a pool and nothing else. dockerd asks for the default address spaces before each network, and
 * not inside the loop. So the guard counts the pools that were granted without such a question before them.
 */

/** Automatic pools without a question before them and without a later call. This many are not a user's request. */
const MAX_GRANTS = 16;
/** ms for which such a pool counts. */
const GRANT_LIFE_MS = 5_000;
/** ms for which a question counts: longer than the call after it may take. */
const ASK_LIFE_MS = 30_000;
/** The most questions that are remembered. */
const MAX_ASKS = 1_000;

export class RateGuard {
  readonly #now: () => number;
  /** When dockerd asked for the default address spaces, for each question that no pool has followed yet. */
  readonly #asks: number[] = [];
  /** When each pool without a question was granted, by PoolID. */
  readonly #beyond = new Map<string, number>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** dockerd asks for the default address spaces: a network follows. */
  asked(): void {
    this.#forget();
    if (this.#asks.length < MAX_ASKS) this.#asks.push(this.#now());
  }

  /** Why dockerd gets no more automatic pools. `undefined`: it does get them. */
  refusal(): string | undefined {
    this.#forget();
    if (this.#asks.length > 0 || this.#beyond.size < MAX_GRANTS) return undefined;
    return (
      `dockerd asked for ${MAX_GRANTS} automatic pools within ${GRANT_LIFE_MS / 1_000} s and used none: each overlaps a route or ` +
      'a nameserver of this host; give a --subnet, or set ranges of the space that do not overlap them'
    );
  }

  granted(poolId: string): void {
    this.#forget();
    if (this.#asks.shift() === undefined) this.#beyond.set(poolId, this.#now());
  }

  /** A call names the pool: dockerd uses or releases it. */
  named(poolId: string): void {
    this.#beyond.delete(poolId);
  }

  #forget(): void {
    const now = this.#now();
    while ((this.#asks[0] ?? now) <= now - ASK_LIFE_MS) this.#asks.shift();
    for (const [poolId, granted] of this.#beyond) if (granted <= now - GRANT_LIFE_MS) this.#beyond.delete(poolId);
  }
}
