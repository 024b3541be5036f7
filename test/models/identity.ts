/**
 * Which machine is a host, and what the absence of an address from a Docker proves: machines, disks and copies of them,
 * engines, the fleet's view of one host, and an operator. A model of the rules (functions/ipam/hosts/register.ts,
 * shim/reconcile/), not the rules themselves: test/system/accidents/ tests those. The model has one address and one subnet;
 * two users must never have that address at the same time.
 */
import type { Check } from './check.ts';
import { type Run, explore } from './explorer.ts';
import { ALL, type Rules, type State, start } from './identity-rules.ts';
import { type Rule, type Step, type Steps, rule } from './identity-steps.ts';

class Life implements Run {
  readonly #state: State;
  readonly #rules: Rules;
  readonly #steps: readonly Steps[];
  readonly #trace: string[] = [];

  constructor(state: State, rules: Rules, steps: readonly Steps[]) {
    this.#state = state;
    this.#rules = rules;
    this.#steps = steps;
  }

  #enabled(): readonly Step[] {
    return this.#steps.flatMap((steps) => steps(this.#state, this.#rules)).filter((step) => step !== undefined);
  }

  choices(): number {
    return this.#enabled().length;
  }

  take(choice: number): Promise<void> {
    const step = this.#enabled()[choice];
    if (step === undefined) throw new Error(`there is no choice ${choice}`);
    this.#trace.push(step.label);
    step.happen();
    return Promise.resolve();
  }

  key(): string {
    return JSON.stringify({ ...this.#state, done: this.#state.done.toSorted() });
  }

  violation(): string | undefined {
    const { living } = this.#state;
    return living.length > 1 ? `the address is used by ${living.join(' and by ')}` : undefined;
  }

  trace(): readonly string[] {
    return this.#trace;
  }
}

const COMMON: readonly Rule[] = ['registers', 'releases', 'compares', 'runs', 'stops', 'rival'];

interface Case {
  readonly name: string;
  readonly steps: readonly Rule[];
  /** Machines have no fingerprint that distinguishes them. */
  readonly nameless?: boolean;
}

/** What may happen to a host and its disk. */
const CASES: readonly Case[] = [
  { name: 'it starts again, also after a silence', steps: ['goesOff', 'boots', 'silence'] },
  { name: 'its disk is moved', steps: ['goesOff', 'moves', 'boots', 'silence', 'adopts'] },
  { name: 'its disk is copied, and both run', steps: ['copies', 'boots', 'silence'] },
  { name: 'its data folder is copied, and both run', steps: ['copiesData', 'boots', 'silence'] },
  { name: 'another machine is made from its image', steps: ['golden', 'boots', 'silence'] },
  {
    name: 'an indistinguishable machine is made from its image',
    steps: ['golden', 'boots', 'silence'],
    nameless: true,
  },
  { name: 'an indistinguishable machine has an old copy', steps: ['oldCopies', 'boots', 'silence'], nameless: true },
  { name: 'it is put back to an old snapshot', steps: ['goesOff', 'restores', 'boots', 'silence'] },
  { name: 'two dockerds find one plugin', steps: ['secondEngine', 'removes', 'foreignNetwork', 'comparesAgain'] },
  { name: 'two dockerds find one plugin, and one is hidden', steps: ['hiddenEngine', 'removes', 'comparesAgain'] },
  { name: "Docker's data are wiped", steps: ['goesOff', 'wipesDocker', 'boots', 'silence'] },
  { name: "Berth's data are wiped", steps: ['goesOff', 'wipesBerth', 'boots', 'silence'] },
  { name: 'it is called dead, and returns', steps: ['goesOff', 'dies', 'boots', 'silence'] },
  { name: 'it is called dead, and a copy comes in its place', steps: ['goesOff', 'copies', 'dies', 'boots'] },
];

const MOST_STATES = 300_000;

function search({ steps, nameless = false }: Case, rules: Rules) {
  const all = [...COMMON, ...steps].map((name) => rule[name]);
  return explore(() => Promise.resolve(new Life(start(nameless ? undefined : 'one'), rules, all)), MOST_STATES);
}

const holds = (one: Case): Check => ({
  name: `no address in use is given away when ${one.name}`,
  run: async () => {
    const { states, violation } = await search(one, ALL);
    if (violation !== undefined) throw new Error(`${violation.what}, after\n  ${violation.trace.join('\n  ')}`);
    return `${states} states explored`;
  },
});

/** Without the rule a case goes wrong. The result names the cases. */
const falls = (name: string, left: keyof Rules): Check => ({
  name: `fails when ${name} (control)`,
  run: async () => {
    const found: string[] = [];
    let shortest: readonly string[] | undefined;
    for (const one of CASES) {
      const { states, violation } = await search(one, { ...ALL, [left]: false });
      if (violation === undefined) continue;
      found.push(`after ${states} states when ${one.name}`);
      if (shortest === undefined || violation.trace.length < shortest.length) shortest = violation.trace;
    }
    if (shortest === undefined) throw new Error('nothing is violated');
    return `violated ${found.join('; ')}: ${shortest.join(', ')}`;
  },
});

/** What none of these rules prevents, as docs/security.md says. */
const knownLimit: Check = {
  name: 'a copy of the disk of a machine without a fingerprint is not detected in time (limit)',
  run: async () => {
    const { states, violation } = await search({ name: '', steps: ['copies', 'boots'], nameless: true }, ALL);
    if (violation === undefined) throw new Error('it is detected in time: update docs/security.md');
    return `violated after ${states} states: ${violation.trace.join(', ')}`;
  },
};

export const identity: readonly Check[] = [
  ...CASES.map(holds),
  falls('another machine may register as a host that is bound', 'bound'),
  falls('a machine that takes the place of another gets what that one held', 'quarantine'),
  falls('an address that an engine never had counts as missing there', 'sighted'),
  falls('one network of an engine proves every network of its subnet', 'counted'),
  falls('a missing address is freed although two engines run', 'alone'),
  falls('the shim accepts calls before its machine is registered', 'gated'),
  knownLimit,
];
