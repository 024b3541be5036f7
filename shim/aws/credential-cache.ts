/**
 * Caches credentials while they are valid, so that a call rarely waits for their provider. The AWS SDK's own cache makes
 * calls wait, and fails while valid credentials are held (docs/decisions/0020-what-a-request-costs.md).
 */
import type { AwsCredentialIdentity } from '@smithy/types';

/** New credentials are fetched this long before the old ones expire, as in the AWS SDKs. */
const REFRESH_BEFORE_MS = 5 * 60_000;
/** ms between two tries while the held credentials are still valid, so that a failing provider is not flooded. */
const REFRESH_PAUSE_MS = 30_000;

export class CredentialCache {
  readonly #fetch: () => Promise<AwsCredentialIdentity>;
  readonly #now: () => number;
  #held: AwsCredentialIdentity | undefined;
  /** The request for new credentials that is under way, shared by all callers. */
  #fetching: Promise<AwsCredentialIdentity> | undefined;
  #nextRefresh = 0;

  /** @param now ms since the epoch */
  constructor(fetch: () => Promise<AwsCredentialIdentity>, now: () => number) {
    this.#fetch = fetch;
    this.#now = now;
  }

  /** @throws what `fetch` throws, unless valid credentials are held. */
  async get(): Promise<AwsCredentialIdentity> {
    const held = this.#held;
    if (held === undefined || this.#left(held) <= 0) return this.#renew();
    if (this.#left(held) < REFRESH_BEFORE_MS && this.#now() >= this.#nextRefresh) {
      // In the background: while it fails, the held credentials serve.
      this.#renew().catch(() => undefined);
    }
    return held;
  }

  /** Whether credentials are held that are valid. */
  get isHeld(): boolean {
    return this.#held !== undefined && this.#left(this.#held) > 0;
  }

  /** ms since the epoch: when those that are held expire. `undefined`: none are held, or they do not expire. */
  get expiresAt(): number | undefined {
    return this.#held?.expiration?.getTime();
  }

  /** A fetch that is under way goes on: its credentials are newer than those that were refused. */
  forget(): void {
    this.#held = undefined;
  }

  #renew(): Promise<AwsCredentialIdentity> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = undefined;
      this.#nextRefresh = this.#now() + REFRESH_PAUSE_MS;
    });
    return this.#fetching;
  }

  async #fetchOnce(): Promise<AwsCredentialIdentity> {
    this.#held = await this.#fetch();
    return this.#held;
  }

  /** ms */
  #left({ expiration }: AwsCredentialIdentity): number {
    return expiration === undefined ? Infinity : expiration.getTime() - this.#now();
  }
}
