/**
 * Explores every order in which things may happen. A run is a list of choices; each is replayed from the start, since a
 * running program cannot be copied, and stops when it reaches a state that was seen before.
 */

/** One run of a model, from its start. */
export interface Run {
  /** How many steps are possible next; 0: the run has ended. */
  choices(): number;
  /** Takes one of the steps, and waits until nothing moves any more. */
  take(choice: number): Promise<void>;
  /** Two runs with the same key continue in the same way. */
  key(): string;
  /** The violation in this state, if there is one. */
  violation(): string | undefined;
  /** The steps so far, as a person reads them. */
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

/** Ends a control that finds nothing, or a model that has grown too large to explore. */
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

/** One run of random choices: for models that are too large to explore. */
export async function wander(run: Run, random: () => number): Promise<Violation | undefined> {
  for (;;) {
    const what = run.violation();
    if (what !== undefined) return { what, trace: run.trace() };
    const choices = run.choices();
    if (choices === 0) return undefined;
    await run.take(Math.floor(random() * choices));
  }
}
