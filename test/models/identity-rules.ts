/** The fleet and its machines as `identity.ts` models them, and the rules. Each rule can be left out. */

/** Each rule can be left out: then a violation must be found. */
export interface Rules {
  /** A registration from another machine than the one the host is bound to is refused. */
  readonly bound: boolean;
  /** A machine that does not know the incarnation gets nothing that the former one held: it sleeps, and is never released. */
  readonly quarantine: boolean;
  /** An address counts as missing only on an engine that was seen with it. */
  readonly sighted: boolean;
  /** An engine counts as seen with a network only if it has as many networks on that subnet as the table. */
  readonly counted: boolean;
  /** Nothing is freed where more than one dockerd runs. */
  readonly alone: boolean;
  /** The shim asks for nothing before its machine is registered. */
  readonly gated: boolean;
}
export const ALL: Rules = { bound: true, quarantine: true, sighted: true, counted: true, alone: true, gated: true };

export interface Engine {
  /** Kept on its disk, so a copy has it too. */
  id: string;
  networks: string[];
  /** Networks with a container that has the address. */
  containers: string[];
  /** A network of another plugin on the same subnet. */
  foreign: boolean;
}

export interface Machine {
  on: boolean;
  /** The machine's fingerprint. `undefined`: it has none. */
  print: string | undefined;
  registered: boolean;
  incarnation: number | undefined;
  /** The epoch under which the machine sends its calls. */
  epoch: number;
  /** Engine and network. */
  seen: string[];
  /** Releases of the address that have not reached the cloud, and when dockerd made each. */
  journal: { readonly network: string; readonly time: number }[];
  /** The engine that the shim asks, and a second one that found the same plugin. */
  asked: Engine;
  second: Engine | undefined;
  /** The second engine is visible: it is not in a network namespace of its own. */
  isNoticed: boolean;
}

export interface Ref {
  epoch: number;
  state: 'live' | 'dormant' | 'gone';
}

export interface State {
  machines: Record<string, Machine>;
  host: {
    incarnation: number;
    print: string | undefined;
    epoch: number;
    /** A lease of an earlier epoch is a former machine's. */
    own: number;
    state: 'live' | 'fenced' | 'dead';
    silent: boolean;
  };
  refs: Record<string, Ref>;
  /** The network that leases the address, or another host, and since when. */
  lease: { readonly by: string; readonly since: number } | undefined;
  /** Sequences of calls are times: a release ends only what was asked for before it. */
  clock: number;
  /** Who uses it: machine, engine and network, or another host. */
  living: string[];
  /** Steps that happen only once, and have happened. */
  done: string[];
}

export const engineOf = (id: string, ...networks: string[]): Engine => ({
  id,
  networks,
  containers: [...networks],
  foreign: false,
});

/** One machine, whose container has the address. */
export const start = (print: string | undefined): State => ({
  machines: {
    M1: {
      on: true,
      print,
      registered: true,
      incarnation: 1,
      epoch: 1,
      seen: ['E n1'],
      journal: [],
      asked: engineOf('E', 'n1'),
      second: undefined,
      isNoticed: true,
    },
  },
  host: { incarnation: 1, print, epoch: 1, own: 1, state: 'live', silent: false },
  refs: { n1: { epoch: 1, state: 'live' } },
  lease: { by: 'n1', since: 1 },
  clock: 1,
  living: ['M1 E n1'],
  done: [],
});

export function refusal({ host }: State, machine: Machine, rules: Rules): string | undefined {
  const isOther = host.print !== undefined && machine.print !== undefined && host.print !== machine.print;
  if (rules.bound && isOther && host.state !== 'dead') return 'another machine';
  if (machine.incarnation === host.incarnation) return undefined;
  return host.silent || host.state === 'dead' ? undefined : 'taken';
}

export function register(state: State, machine: Machine, rules: Rules): void {
  const { host, refs } = state;
  machine.registered = refusal(state, machine, rules) === undefined;
  if (!machine.registered) return;
  const isFresh = machine.incarnation !== host.incarnation;
  if (isFresh && rules.quarantine) host.own = ++host.epoch;
  for (const ref of Object.values(refs)) {
    if (ref.state === 'gone') continue;
    Object.assign(ref, ref.epoch >= host.own ? { epoch: host.epoch, state: 'live' } : { state: 'dormant' });
  }
  Object.assign(host, { state: 'live', silent: false, print: machine.print ?? host.print });
  machine.incarnation = ++host.incarnation;
  machine.epoch = host.epoch;
}

export function release(state: State, { network, time }: Machine['journal'][number], rules: Rules): void {
  const ref = state.refs[network];
  if (rules.quarantine && ref !== undefined && ref.epoch < state.host.own) return;
  if (state.lease?.by === network && state.lease.since < time) state.lease = undefined;
}

export function compareWithDocker(state: State, machine: Machine, rules: Rules): void {
  const { asked, second, seen, isNoticed } = machine;
  const claimants = Object.entries(state.refs).filter(([, ref]) => ref.state !== 'gone');
  const there = asked.networks.length + (asked.foreign ? 1 : 0);
  for (const [network, ref] of claimants) {
    const isThere = rules.counted ? there >= claimants.length : there > 0;
    const mark = `${asked.id} ${network}`;
    if (isThere && !seen.includes(mark)) seen.push(mark);
    if (ref.state !== 'live' || (rules.alone && second !== undefined && isNoticed)) continue;
    if (rules.sighted && !seen.includes(mark)) continue;
    // It is asked by address: any of its networks may have it.
    if (state.lease?.by === network && asked.containers.length === 0) state.lease = undefined;
  }
}
