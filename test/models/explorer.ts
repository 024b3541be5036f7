/**
 * Explores every order in which things may happen. A run is a list of choices; each is replayed from the start, since a
 * running program cannot be copied, and it is cut short where it comes to a state that was seen before.
 */

/** One run of a model, from its start. */
export interface Run {
  /** How many things may happen next; none: the run has ended. */
  choices(): number;
  /** Lets one happen, and waits until all is still again. */
  take(choice: number): Promise<void>;
  /** Two runs with the same key go on in the same way. */
  key(): string;
  /** What is wrong in this state, if something is. */
  violation(): string | undefined;
  /** What has happened, for people. */
  trace(): readonly string[];
}

export interface Violation {
  readonly what: string;
  readonly trace: readonly string[];
}

export interface Exploration {
  readonly states: number;
  readonly runs: number;
  readonly violation: Violation | undefined;
}

/** Ends a control that finds nothing, or a model that has grown too large to be explored. */
export class TooLarge extends Error {}

/** Stops at the first violation. @throws TooLarge when there are more states than `most`. */
export async function explore(start: () => Promise<Run>, most: number): Promise<Exploration> {
  const seen = new Set<string>();
  const prefixes: (readonly number[])[] = [[]];
  let runs = 0;
  for (let prefix = prefixes.pop(); prefix !== undefined; prefix = prefixes.pop()) {
    const run = await start();
    runs++;
    for (const choice of prefix) await run.take(choice);
    const taken = [...prefix];
    for (;;) {
      const key = run.key();
      if (seen.has(key)) break;
      seen.add(key);
      if (seen.size > most) throw new TooLarge(`more than ${most} states`);
      const what = run.violation();
      if (what !== undefined) return { states: seen.size, runs, violation: { what, trace: run.trace() } };
      const choices = run.choices();
      if (choices === 0) break;
      for (let other = choices - 1; other > 0; other--) prefixes.push([...taken, other]);
      taken.push(0);
      await run.take(0);
    }
  }
  return { states: seen.size, runs, violation: undefined };
}

/** One run of random choices: for scopes that are too large to be explored. */
export async function wander(run: Run, random: () => number): Promise<Violation | undefined> {
  for (;;) {
    const what = run.violation();
    if (what !== undefined) return { what, trace: run.trace() };
    const choices = run.choices();
    if (choices === 0) return undefined;
    await run.take(Math.floor(random() * choices));
  }
}
