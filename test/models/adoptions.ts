/** Operators change their mind: a draining host stays, or another machine takes the place of a silent host. */
import { together } from './actors.ts';
import { type Check, holds, violated } from './check.ts';
import { LONG_AFTER, fencing, registers, registration, returnHome } from './hosts.ts';
import { sound } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor, Model, State } from './simulation.ts';
import { sharing, leases } from './stands.ts';

const POOL = '10.0.0.0/31';
const LEASED = '10.0.0.0';
const HEIR = 'arn:aws:iam::123456789012:user/heir';
const STRANGER = 'arn:aws:iam::123456789012:user/stranger';

/** Hosts `a` and `b` share a pool, and `a` registered an hour ago. */
async function settled(me: Player): Promise<void> {
  await sharing(POOL, ['a', 'b'])(me);
  await registers(me);
}

/** Host `a` also has a lease. */
async function leasing(me: Player): Promise<void> {
  await sharing(POOL, ['a', 'b'])(me);
  await leases(me, LEASED);
  await registers(me);
}

const drains = (name: string, mayFail = false): Actor => ({
  name,
  mayFail,
  play: async (me) => {
    await me.stage.rules.reportDrain(me.deps, 'a', 'soon');
  },
});

const resumes = (name: string, mayFail = false): Actor => ({
  name,
  mayFail,
  play: async (me) => {
    await me.stage.rules.resumeHost(me.deps, 'a');
  },
});

/** What happens without an operator: the host's next registration, and the sweep. */
const heals: Actor = {
  name: 'a',
  afterwards: true,
  play: async (me) => {
    await returnHome(me);
    const host = await me.deps.store.readHost('a');
    if (host !== undefined) await me.stage.rules.drainHost(me.deps, host, Infinity);
  },
};

/** The networks of a host are in its state. */
function networksFollow({ memory }: State): string | undefined {
  const host = memory.hosts.get('a');
  for (const { name, hostId, state, epoch } of memory.refs.values()) {
    if (hostId !== 'a') continue;
    if (state !== host?.state) return `host a is ${host?.state ?? 'none'}, and its network ${name} is ${state}`;
    if (state === 'live' && epoch !== host.epoch) return `network ${name} lives in another epoch than its host`;
  }
  return undefined;
}

const drain = (faults: number, ...actors: readonly Actor[]): Model => ({
  ...together(settled, faults, ...actors),
  actors: [...actors, heals],
  finally: networksFollow,
});

/** The operator adopts the host. @param isStopped the former machine was stopped first. */
const adopts = (isStopped: boolean): Actor => ({
  name: 'operator',
  play: async (me) => {
    if (isStopped) me.giveUp('a drops its lease');
    await me.unlessRefused(() => me.stage.rules.adoptHost(me.deps, 'a', HEIR));
  },
});

/** Registers as host `a`. @returns the epoch. `undefined`: it was refused. */
const becomes = (me: Player, principal: string, held: string | undefined): Promise<number | undefined> =>
  me.unlessRefused(async () => {
    const told = registration(held, `${held ?? 'heir'}.`, principal);
    return (await me.stage.rules.registerHost(me.deps, me.call({ hostId: 'a' }), told)).epoch;
  });

/** A machine registers as host `a` and, unless it is refused, uses the address that the host leases. */
const uses = (name: string, principal: string, held: string | undefined, ahead: number): Actor => ({
  name,
  ahead,
  play: async (me) => {
    if ((await becomes(me, principal, held)) === undefined) return;
    me.giveUp('a drops its lease');
    await me.hold(me.recall('a'), LEASED);
  },
});

/** Assumes that no other machine is the host, and releases what it finds. */
const clears: Actor = {
  name: 'heir',
  ahead: LONG_AFTER,
  play: async (me) => {
    if ((await becomes(me, HEIR, undefined)) === undefined) return;
    await me.release(me.recall('a'), LEASED, me.call({ hostId: 'a' }));
  },
};

const adoption = (...actors: readonly Actor[]): Model => ({
  ...together(leasing, 0, ...actors),
  finally: () => undefined,
});

/** A principal that learns that a host waits for another machine, and registers first. */
const stranger: Actor = {
  name: 'stranger',
  ahead: LONG_AFTER,
  play: async (me) => {
    await becomes(me, STRANGER, undefined);
  },
};

/** Only the former principal, and the one that an operator has named, may be the host. */
const heirAlone = (state: State): string | undefined =>
  state.memory.hosts.get('a')?.principal === STRANGER ? 'a stranger is host a' : sound(state);

const race = (...actors: readonly Actor[]): Model => ({ ...adoption(...actors), always: heirAlone });

const heir = uses('heir', HEIR, undefined, LONG_AFTER);
const former = uses('a', 'arn:aws:iam::123456789012:user/ops', 'one', 0);
const alive = adoption(adopts(false), clears);

export const adoptions: readonly Check[] = [
  holds('the networks of a host follow its state when it drains and then stays after all', [
    drain(0, drains('drain'), resumes('resume')),
    drain(0, drains('drain'), resumes('resume'), drains('drain again')),
    drain(1, drains('drain', true), resumes('resume', true)),
  ]),
  holds('a live host cannot be adopted, and loses nothing', [alive]),
  holds('a host that was silent returns, or another machine takes its place', [
    adoption(fencing('fence'), adopts(true), heir, former),
  ]),
  holds('only the principal that an operator has named becomes an adopted host, even if another registers first', [
    race(fencing('fence'), adopts(true), stranger, heir),
  ]),
  violated(
    'fails when the first principal to register becomes a host that was adopted',
    [race(fencing('fence'), adopts(true), stranger, heir)],
    /a stranger is host a/,
    [
      {
        within: 'bindingAfter',
        find: '  refuseStranger(seen, principal);\n',
        replace: '  if (!seen.isAwaited) refuseStranger(seen, principal);\n',
      },
      {
        within: 'bindingAfter',
        find: 'return { principal: seen.principal,',
        replace: 'return { principal,',
      },
    ],
  ),
  violated('fails when a live host is adopted', [alive], /slot says/, [
    {
      within: 'adoptHost',
      find: "    if (host.state === 'fenced' || host.state === 'dead') {\n",
      replace: '    if (host.epoch > 0) {\n',
    },
  ]),
  violated(
    'fails when a drain goes on after it was lifted',
    [drain(0, drains('drain'), resumes('resume'))],
    /host a is live, and its network .* is draining/,
    [{ within: 'drain', find: ' && now.epoch <= host.epoch', replace: '' }],
  ),
  violated(
    'fails when a host whose drain is lifted keeps its epoch',
    [drain(0, drains('drain'), resumes('resume'))],
    /host a is live, and its network .* is draining/,
    [
      { within: 'resumeHost', find: 'epoch: host.epoch + 1', replace: 'epoch: host.epoch' },
      // Otherwise its next registration would wake them again.
      {
        within: 'concludeHost',
        find: '  if (mayTurnUp(host, world.now())) return;\n',
        replace: '  void mayTurnUp;\n',
      },
      {
        within: 'wake',
        find: "isLeftBehind(now, host) && now.state !== 'reviving'\n",
        replace: "(isLeftBehind(now, host) && now.state !== 'reviving') || now.state === 'draining'\n",
      },
    ],
  ),
];
