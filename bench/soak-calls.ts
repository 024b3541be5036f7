/** The calls of a soak, and what they gave to whom. */
import { Refusal } from '../functions/ipam/refusal.ts';
import { retryWithin } from '../shim/cloud/retry.ts';
import type { Verdict } from '../shim/cloud/verdict.ts';

/** Who holds what. */
export class Holders {
  readonly #by = new Map<string, string>();
  readonly twice: string[] = [];

  take(what: string, who: string): void {
    const other = this.#by.get(what);
    if (other !== undefined) this.twice.push(`${what} is held by ${other} and ${who}`);
    this.#by.set(what, who);
  }

  drop(what: string, who: string): void {
    if (this.#by.get(what) === who) this.#by.delete(what);
  }

  /** A runner has died, and uses nothing any more. */
  dropAll(who: string): void {
    for (const [what, by] of this.#by) if (by === who) this.#by.delete(what);
  }
}

export class Calls {
  /** Why calls were repeated, and how often. */
  readonly repeats = new Map<string, number>();
  /** Why calls were refused in the end, and how often. */
  readonly refusals = new Map<string, number>();
  readonly #budget: number;

  /** @param budget ms that a call may take, with its repeats. */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /**
   * Makes a call as a shim does: again and again under one request key, while it is refused as busy and time is left.
   *
   * @returns `undefined`: it was refused.
   */
  async make<T>(call: () => Promise<T>): Promise<T | undefined> {
    let answer: T | undefined;
    const attempt = async (): Promise<Verdict> => {
      try {
        answer = await call();
        return { kind: 'answered', text: '', refusal: undefined, granted: undefined };
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const reason = `${error.code}: ${error.message.replaceAll(/[0-9a-f.:]*\d[0-9a-f.:]*/g, 'N')}`;
        if (error.code === 'busy') add(this.repeats, reason);
        return { kind: 'failed', reason, isOpen: false, remedy: error.code === 'busy' ? 'repeat' : 'none' };
      }
    };
    const { last } = await retryWithin({ budget: this.#budget, attempt, renew: () => Promise.resolve() });
    if (last.kind === 'failed') add(this.refusals, last.reason);
    return answer;
  }
}

function add(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}
