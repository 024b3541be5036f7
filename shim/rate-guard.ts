/**
 * dockerd compares an automatic pool with the host's networks and asks for another one at once where they overlap, without
 * end and beyond the reach of Ctrl-C (moby: remote IPAM driver, RequestPool). It names none of them before it is content.
 */

/** So many automatic pools of which nothing was heard since are no user's wish. */
const MOST = 16;
/** ms */
const PERIOD = 5_000;

export class RateGuard {
  readonly #now: () => number;
  /** When each was granted, by PoolID. */
  readonly #unnamed = new Map<string, number>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Why dockerd gets no further automatic pool. `undefined`: it does. */
  refusal(): string | undefined {
    const since = this.#now() - PERIOD;
    for (const [poolId, granted] of this.#unnamed) if (granted <= since) this.#unnamed.delete(poolId);
    if (this.#unnamed.size < MOST) return undefined;
    return (
      `dockerd asked for ${MOST} automatic pools within ${PERIOD / 1_000} s and used none: its check against this host's ` +
      'routes and nameservers refuses each; give a --subnet, or ranges in the space that this host does not reach otherwise'
    );
  }

  granted(poolId: string): void {
    this.#unnamed.set(poolId, this.#now());
  }

  /** A call that names a pool: dockerd uses it, or gives it back. */
  named(poolId: string): void {
    this.#unnamed.delete(poolId);
  }
}
