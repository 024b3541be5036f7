/** Credentials for as long as they are good, so that a call hardly ever waits for whoever gives them. */
import type { AwsCredentialIdentity } from '@smithy/types';

/** ms before their end from which new ones are asked for, as the SDKs of AWS do. */
const REFRESH_BEFORE = 5 * 60_000;
/** ms between two tries while the held ones are still good: who gives none now is not to be pestered. */
const REFRESH_PAUSE = 30_000;

export class CredentialCache {
  readonly #fetch: () => Promise<AwsCredentialIdentity>;
  readonly #now: () => number;
  #held: AwsCredentialIdentity | undefined;
  /** The one request for new ones under way, for all who wait. */
  #fetching: Promise<AwsCredentialIdentity> | undefined;
  #nextRefresh = 0;

  /** @param now ms since the epoch */
  constructor(fetch: () => Promise<AwsCredentialIdentity>, now: () => number) {
    this.#fetch = fetch;
    this.#now = now;
  }

  /** @throws whatever `fetch` throws, unless good ones are held. */
  async get(): Promise<AwsCredentialIdentity> {
    const held = this.#held;
    if (held === undefined || this.#left(held) <= 0) return this.#renew();
    if (this.#left(held) < REFRESH_BEFORE && this.#now() >= this.#nextRefresh) {
      // Nobody waits for it, and while it fails those that are held serve.
      this.#renew().catch(() => undefined);
    }
    return held;
  }

  /** What is asked for already is newer than what was refused: it may come. */
  forget(): void {
    this.#held = undefined;
  }

  #renew(): Promise<AwsCredentialIdentity> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = undefined;
      this.#nextRefresh = this.#now() + REFRESH_PAUSE;
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
