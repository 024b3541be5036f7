/** Records what each dockerd has by the answers that it got: nothing may have two owners at once. */
export class Register {
  readonly #owners = new Map<string, string>();
  /** Describes everything that two owners had at once. */
  readonly doubles: string[] = [];

  take(thing: string, owner: string): void {
    const before = this.#owners.get(thing);
    if (before !== undefined) this.doubles.push(`${thing} was given to ${owner} while ${before} had it`);
    this.#owners.set(thing, owner);
  }

  /** Called just before a release: from then on another owner may have it. */
  drop(thing: string): void {
    this.#owners.delete(thing);
  }
}
