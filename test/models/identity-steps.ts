/** The steps of machines, disks and engines (see `identity.ts`). */
import {
  type Machine,
  type Rules,
  type State,
  compareWithDocker,
  engineOf,
  register,
  release,
} from './identity-rules.ts';

export interface Step {
  readonly label: string;
  readonly happen: () => void;
}
export type Steps = (state: State, rules: Rules) => readonly (Step | undefined)[];

/** Steps that happen at most once, so that every run ends. */
const once = (state: State, label: string, isPossible: boolean, happen: () => void): Step | undefined =>
  state.done.includes(label) || !isPossible
    ? undefined
    : {
        label,
        happen: () => {
          state.done.push(label);
          happen();
        },
      };

const each = (state: State, steps: (machine: Machine, name: string) => readonly (Step | undefined)[]) =>
  Object.entries(state.machines).flatMap(([name, machine]) => (machine.on ? steps(machine, name) : []));

export const rule = {
  /** Heartbeats, and the first steps after a start. */
  registers: (state, rules) =>
    each(state, (machine, name) => [
      once(state, `${name} registers`, !machine.registered, () => {
        register(state, machine, rules);
      }),
      once(state, `${name} sends a heartbeat`, machine.registered, () => {
        register(state, machine, rules);
      }),
    ]),
  releases: (state, rules) =>
    each(state, ({ registered, journal }, name) =>
      (registered || !rules.gated ? journal : []).map((one) => ({
        label: `${name} delivers a release of ${one.network}`,
        happen: () => {
          journal.splice(journal.indexOf(one), 1);
          release(state, one, rules);
        },
      })),
    ),
  compares: (state, rules) => comparing(state, 'compares', rules),
  comparesAgain: (state, rules) => comparing(state, 'compares again', rules),
  /** A container with the address is started, in a network that the engine knows. */
  runs: (state, rules) =>
    each(state, (machine, name) =>
      [machine.asked, ...(machine.second === undefined ? [] : [machine.second])].flatMap((engine) =>
        engine.networks.map((network) => {
          const ref = state.refs[network];
          const isUsable = ref?.state === 'live' && (machine.registered || !rules.gated) && ref.epoch === machine.epoch;
          return once(state, `${name} ${engine.id} runs in ${network}`, isUsable && state.lease === undefined, () => {
            state.lease = { by: network, since: ++state.clock };
            engine.containers = [network];
            state.living.push(`${name} ${engine.id} ${network}`);
          });
        }),
      ),
    ),
  stops: (state) =>
    each(state, ({ asked, journal }, name) =>
      asked.containers.map((network) =>
        once(
          state,
          `${name} ${asked.id} stops in ${network}`,
          state.living.includes(`${name} ${asked.id} ${network}`),
          () => {
            state.living = state.living.filter((one) => one !== `${name} ${asked.id} ${network}`);
            asked.containers = [];
            journal.push({ network, time: ++state.clock });
          },
        ),
      ),
    ),
  /** Another host takes the address as soon as it is free. */
  rival: (state) => [
    once(state, 'another host takes the address', state.lease === undefined, () => {
      state.lease = { by: 'another', since: ++state.clock };
      state.living.push('another');
    }),
  ],
  silence: ({ host, ...state }) => [
    once({ host, ...state }, 'a lease passes', host.state === 'live', () => {
      host.silent = true;
    }),
    once({ host, ...state }, 'the host is fenced', host.silent && host.state === 'live', () => {
      Object.assign(host, { state: 'fenced', epoch: host.epoch + 1 });
      for (const ref of Object.values(state.refs)) if (ref.state === 'live') ref.state = 'dormant';
    }),
  ],
  goesOff: (state) => [
    once(state, 'M1 goes off', true, () => {
      Object.assign(state.machines['M1'] ?? {}, { on: false, registered: false });
      state.living = state.living.filter((one) => !one.startsWith('M1'));
    }),
  ],
  boots: (state) =>
    Object.entries(state.machines).map(([name, machine]) =>
      once(state, `${name} boots`, !machine.on, () => {
        Object.assign(machine, { on: true, registered: false, epoch: 1 });
        // As dockerd does at its start for endpoints that were left over.
        machine.journal.push(...machine.asked.containers.map((network) => ({ network, time: ++state.clock })));
        machine.asked.containers = [];
      }),
    ),
  copies: (state) => copying(state, 'the disk of M1', ({ asked, ...data }) => ({ ...data, asked })),
  /** Once the machine is off. */
  moves: (state) => (on(state, 'M1') ? [] : copying(state, 'the disk of M1, which is off', (data) => data)),
  /** Since then the host has sent heartbeats. */
  oldCopies: (state) => copying(state, 'an old copy of the disk of M1', (data) => ({ ...data, incarnation: 0 })),
  copiesData: (state) => copying(state, 'the data folder of M1', (data) => ({ ...data, asked: engineOf('D', 'n1') })),
  golden: (state) =>
    copying(state, 'the image that M1 was made from', (data) => ({
      ...data,
      incarnation: undefined,
      seen: [],
      journal: [],
      asked: engineOf('G'),
    })),
  /** Both find the same plugin. */
  secondEngine: (state) => another(state, true),
  hiddenEngine: (state) => another(state, false),
  foreignNetwork: (state) =>
    each(state, ({ asked }, name) => [
      once(state, `${name} ${asked.id} has a network of another plugin`, true, () => {
        asked.foreign = true;
      }),
      once(state, `${name} ${asked.id} removes it`, asked.foreign, () => {
        asked.foreign = false;
      }),
    ]),
  removes: (state) =>
    each(state, ({ asked, journal }, name) => [
      once(
        state,
        `${name} ${asked.id} removes n1`,
        asked.networks.includes('n1') && asked.containers.length === 0,
        () => {
          asked.networks = [];
          const ref = state.refs['n1'];
          if (ref !== undefined && journal.length === 0) ref.state = 'gone';
        },
      ),
    ]),
  wipesDocker: (state) => [
    once(state, "M1's Docker is wiped", !on(state, 'M1'), () => {
      const machine = state.machines['M1'];
      if (machine !== undefined) machine.asked = engineOf('W');
    }),
  ],
  wipesBerth: (state) => [
    once(state, "M1's data folder is wiped", !on(state, 'M1'), () => {
      Object.assign(state.machines['M1'] ?? {}, { incarnation: undefined, seen: [], journal: [] });
    }),
  ],
  restores: (state) => [
    once(state, 'M1 is put back to an old snapshot', !on(state, 'M1'), () => {
      Object.assign(state.machines['M1'] ?? {}, { incarnation: 0, seen: ['E n1'], journal: [] });
    }),
  ],
  /** True when it is said. */
  adopts: ({ host, ...state }) => [
    once(
      { host, ...state },
      'the operator lets another machine be the host',
      host.state === 'fenced' && !on(state, 'M1'),
      () => {
        host.print = undefined;
      },
    ),
  ],
  dies: ({ host, ...state }) => [
    once({ host, ...state }, 'the operator calls M1 dead', !on(state, 'M1') && host.state !== 'dead', () => {
      Object.assign(host, { state: 'dead', epoch: host.epoch + 1 });
      for (const ref of Object.values(state.refs)) ref.state = 'gone';
      if (state.lease?.by !== 'another') state.lease = undefined;
    }),
  ],
} satisfies Record<string, Steps>;
export type Rule = keyof typeof rule;

const another = (state: State, isNoticed: boolean): readonly (Step | undefined)[] =>
  each(state, (machine, name) => [
    once(state, `a second dockerd has network n2 on ${name}`, machine.registered, () => {
      machine.second = { ...engineOf('F', 'n2'), containers: [] };
      machine.isNoticed = isNoticed;
      state.refs['n2'] = { epoch: machine.epoch, state: 'live' };
    }),
  ]);

const comparing = (state: State, what: string, rules: Rules): readonly (Step | undefined)[] =>
  each(state, (machine, name) => [
    once(state, `${name} ${what}`, machine.registered, () => {
      compareWithDocker(state, machine, rules);
    }),
  ]);

const on = ({ machines }: Pick<State, 'machines'>, name: string): boolean => machines[name]?.on === true;

function copying(state: State, what: string, of: (machine: Machine) => Machine): (Step | undefined)[] {
  const { M1 } = state.machines;
  if (M1 === undefined) return [];
  return [
    once(state, `M2 is made from ${what}`, state.machines['M2'] === undefined, () => {
      const print = M1.print === undefined ? undefined : 'two';
      state.machines['M2'] = { ...of(structuredClone(M1)), on: false, registered: false, second: undefined, print };
    }),
  ];
}
