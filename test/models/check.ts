/** Runs models that must hold, and controls: models without a guard, which must be found violated. */
import { chance } from '../support/interleaving.ts';
import type { Edit } from '../support/mutant.ts';
import { type Violation, explore, wander } from './explorer.ts';
import { type Rules, rules, withoutGuards } from './rules.ts';
import { type Model, Simulation } from './simulation.ts';

export interface Check {
  readonly name: string;
  /** @returns a summary of the result. @throws Error when the result is not the expected one. */
  readonly run: () => Promise<string>;
}

/** A model with more states than this is too large for a test to explore. */
const MOST_STATES = 300_000;
/** Random runs after which a control gives up and fails. */
const MOST_WALKS = 5_000;

/** Explores every order of steps in some models: none may be violated. */
export const holds = (name: string, models: readonly Model[]): Check => ({
  name,
  run: async () => {
    let states = 0;
    for (const model of models) {
      const found = await explore(() => Simulation.start(rules, model), MOST_STATES);
      states += found.states;
      if (found.violation !== undefined) throw new Error(tell(model, found.violation));
    }
    return `${states} states of ${models.length} models explored`;
  },
});

/** Tries random orders of steps in models that are too large to explore; a seed that fails can be replayed. */
export const survives = (name: string, models: readonly Model[], walks: number): Check => ({
  name,
  run: async () => {
    for (const model of models) {
      for (let seed = 1; seed <= walks; seed++) {
        const violation = await walk(rules, model, seed);
        if (violation !== undefined) throw new Error(`seed ${seed}: ${tell(model, violation)}`);
      }
    }
    return `${walks} random runs of each of ${models.length} models`;
  },
});

/** Without the guard, at least one of the models is violated in the way that the guard prevents. */
export const violated = (name: string, models: readonly Model[], what: RegExp, edits: readonly Edit[]): Check =>
  control(name, edits, (weakened) => search(weakened, models, what));

/** Without the guard, a random run is violated. */
export const falls = (name: string, models: readonly Model[], what: RegExp, edits: readonly Edit[]): Check =>
  control(name, edits, (weakened) => searchByChance(weakened, models, what));

/** For a control without edits, the model itself lacks the guard. */
const control = (name: string, edits: readonly Edit[], find: (weakened: Rules) => Promise<string>): Check => ({
  name: `${name} (control)`,
  run: () => (edits.length === 0 ? find(rules) : withoutGuards(edits, find)),
});

async function search(weakened: Rules, models: readonly Model[], what: RegExp): Promise<string> {
  let states = 0;
  for (const model of models) {
    const found = await explore(() => Simulation.start(weakened, model), MOST_STATES);
    states += found.states;
    const { violation } = found;
    if (violation === undefined) continue;
    expect(violation, what, model);
    return `violated after ${states} states and ${violation.trace.length} steps: ${violation.what}`;
  }
  throw new Error(`nothing is violated in ${states} states`);
}

async function searchByChance(weakened: Rules, models: readonly Model[], what: RegExp): Promise<string> {
  for (let seed = 1; seed <= MOST_WALKS; seed++) {
    for (const model of models) {
      const violation = await walk(weakened, model, seed);
      if (violation === undefined) continue;
      expect(violation, what, model);
      return `violated by seed ${seed} in ${violation.trace.length} steps: ${violation.what}`;
    }
  }
  throw new Error(`nothing is violated in ${MOST_WALKS} random runs`);
}

const walk = async (under: Rules, model: Model, seed: number): Promise<Violation | undefined> =>
  wander(await Simulation.start(under, model), chance(seed));

function expect(violation: Violation, what: RegExp, model: Model): void {
  if (!what.test(violation.what)) throw new Error(`violated, but not by ${String(what)}: ${tell(model, violation)}`);
}

const tell = (model: Model, { what, trace }: Violation): string =>
  `${model.name}: ${what}, after\n  ${trace.join('\n  ')}`;
