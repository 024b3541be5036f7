type Place = ReturnType<typeof Promise.withResolvers<undefined>>;

/** Many who wait for the disk share one flush: who comes while one runs shares the next. */
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

  /** Resolves when nobody waits any more. Never rejects. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // On a later turn, so that those who come together go together.
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
