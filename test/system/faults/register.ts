/** Who has what, going by what dockerds were told: nothing is anybody's twice. */
export class Register {
  readonly #owners = new Map<string, string>();
  /** All that two had at once, in words. */
  readonly doubles: string[] = [];

  take(thing: string, owner: string): void {
    const before = this.#owners.get(thing);
    if (before !== undefined) this.doubles.push(`${thing} was given to ${owner} while ${before} had it`);
    this.#owners.set(thing, owner);
  }

  /** When it is about to be given back: from then on somebody else may have it. */
  drop(thing: string): void {
    this.#owners.delete(thing);
  }
}
