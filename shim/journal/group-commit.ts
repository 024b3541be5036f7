type Place = ReturnType<typeof Promise.withResolvers<undefined>>;

/** All callers that wait for the disk share one flush; those that come while it runs share the next. */
export class GroupCommit {
  readonly #flush: () => Promise<void>;
  #waiting: Place[] = [];
  #running: Promise<void> | undefined;

  constructor(flush: () => Promise<void>) {
    this.#flush = flush;
  }

  /** Resolves when a flush that began after this call has ended. */
  async join(): Promise<void> {
    const place = Promise.withResolvers<undefined>();
    this.#waiting.push(place);
    this.#running ??= this.#run();
    await place.promise;
  }

  /** Resolves when no caller waits any more. Never rejects. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // On a later turn of the event loop, so that callers of the same turn share a flush.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const together = this.#waiting;
      this.#waiting = [];
      try {
        await this.#flush();
        for (const { resolve } of together) resolve(undefined);
      } catch (error) {
        for (const { reject } of together) reject(error);
      }
    }
    this.#running = undefined;
  }
}
