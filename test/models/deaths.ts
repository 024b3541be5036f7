/** A host is dead, and all that it held is freed, even while some of its calls are still in flight. */
import { HOST_LIFETIME_MS } from '../../functions/ipam/sweep/hosts.ts';
import { claims, sweeping, takes, together } from './actors.ts';
import { type Check, holds, survives, violated } from './check.ts';
import { registers, returnHome, returning } from './hosts.ts';
import { nothingLeaks } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor, Model } from './simulation.ts';
import { MAC, sharing } from './stands.ts';

const POOL = '10.0.0.0/31';
const LEASED = '10.0.0.0';

/** Hosts `a` and `b` share a pool; `a` has a lease, but no longer uses anything. */
async function lost(me: Player): Promise<void> {
  await sharing(POOL, ['a', 'b'])(me);
  await me.address(me.recall('a'), LEASED, MAC, me.call({ hostId: 'a' }));
  me.remember('leased', LEASED);
  me.giveUp('a drops');
  await registers(me);
}

const dies = (name: string): Actor => ({
  name,
  play: async (me) => {
    await me.stage.rules.reportDeath(me.deps, 'a', 'terminated');
  },
});

/** A function recorded the death, and ended before it did anything else. */
async function told(me: Player): Promise<void> {
  await lost(me);
  const host = await me.deps.store.readHost('a');
  if (host === undefined) throw new Error('the host is missing');
  const dead = { ...host, state: 'dead' as const, epoch: 2, fencedAt: me.deps.world.now(), refsLag: true };
  await me.deps.store.writeHost(dead, host);
}

const buries: Actor = {
  name: 'sweep',
  play: async (me) => {
    const host = await me.deps.store.readHost('a');
    if (host !== undefined) await me.stage.rules.reclaimHost(me.deps, host, Infinity);
  },
};

/** The function may end at any step, and the host no longer exists. */
const joins: Actor = {
  name: 'a joins',
  mayFail: true,
  play: async (me) => {
    await me.pool({ pool: POOL });
  },
};

/** Host `a` is dead, and nothing is left of it. */
async function longGone(me: Player): Promise<void> {
  await registers(me);
  await me.stage.rules.reportDeath(me.deps, 'a', 'terminated');
  const host = await me.deps.store.readHost('a');
  if (host === undefined) throw new Error('the host is missing');
  await me.deps.store.writeHost({ ...host, refsLag: false }, host);
}

const sweepsDaysLater: Actor = { ...sweeping('sweep', false), ahead: 2 * HOST_LIFETIME_MS.dead };

/** Registers after all, and creates a network. */
const comesBack: Actor = {
  name: 'a comes back',
  play: async (me) => {
    const epoch = await returnHome(me);
    const net = await me.pool({ pool: POOL }, me.call({ epoch }));
    if (net !== undefined) await me.hold(net.poolId);
  },
};

const removal = (faults: number): Model => ({
  ...together(longGone, faults, sweepsDaysLater, { ...comesBack, steady: true }),
  finally: (state) => (state.memory.hosts.has('a') ? nothingLeaks(state) : 'host a is not registered'),
});

/** The walk over all items leaves references that are not gone alone. */
const NO_WALK = {
  within: 'sweepStanding',
  find: '  await sideBySide(standing, (ref) => follow(deps, host, ref, shift), isOverFor(deps, shift));\n',
  replace: '  void [host, follow, shift];\n',
};

const model = (faults: number, ...actors: readonly Actor[]): Model => together(lost, faults, ...actors);

const unshown = (...actors: readonly Actor[]): Model => ({ ...model(0, ...actors), isIndexSilent: true });

const late = model(1, { ...dies('death'), steady: true }, joins, sweeping('sweep'));

/** The first report ends at any of its requests. */
const cut = model(1, { ...dies('death'), mayFail: true }, { ...dies('death again'), afterwards: true, steady: true });

export const deaths: readonly Check[] = [
  holds('a host is called dead while it claims an address and joins a pool', [
    model(0, dies('death'), claims('a claims'), sweeping('sweep')),
    model(0, dies('death'), joins, sweeping('sweep')),
    late,
  ]),
  holds('a host is called dead twice while another host takes what is freed', [
    model(0, dies('death'), dies('death again')),
    model(0, dies('death'), takes('b takes', LEASED)),
  ]),
  holds('a host that was called dead is in fact alive', [
    { ...model(0, buries, returning('a')), before: told },
    { ...model(1, buries, returning('a')), before: told },
  ]),
  violated(
    'fails when the networks of a dead host that has returned are ended anyway',
    [{ ...model(0, buries, returning('a')), before: told }],
    /lost its|slot says/,
    [
      {
        within: 'isLeftBehind',
        find: "ref.state !== 'gone' && ref.epoch < host.epoch;",
        replace: "ref.state !== 'gone' && host.epoch > 0;",
      },
    ],
  ),
  holds('a host is called dead, and the index never shows what it had', [
    unshown(dies('death'), sweeping('sweep')),
    unshown(dies('death'), claims('a claims'), sweeping('sweep')),
    unshown(dies('death'), joins, sweeping('sweep')),
  ]),
  violated(
    'fails when the walk over all items leaves references that are not gone to the index',
    [unshown(dies('death'), sweeping('sweep'))],
    /leaks/,
    [NO_WALK],
  ),
  holds('a function ends while it frees what a dead host held, and the report is repeated', [cut]),
  violated('fails when a repeated report leaves out what has ended already', [cut], /leaks/, [
    {
      within: 'reclaimHost',
      find: '      if ((ref.endedAt ?? 0) >= (host.fencedAt ?? 0)) await freeHeld(deps, ref, deadline);\n',
      replace: '      void freeHeld;\n',
    },
  ]),
  survives(
    'a host is called dead, with two faulty writes',
    [model(2, dies('death'), claims('a claims'), joins, takes('b takes', LEASED), sweeping('sweep'))],
    300,
  ),
  holds('a host comes back while the sweep removes it', [removal(0), removal(1)]),
  violated('fails when a host is removed although it has registered since', [removal(0)], /host a is not registered/, [
    { within: 'MemoryStore.removeHost', find: 'same && this.hosts', replace: 'void same ?? this.hosts' },
  ]),
  violated('fails when the sweep does not look again at what a dead host held', [late], /reference .* leaks/, [
    {
      within: 'concludeHost',
      find: '  if (mayTurnUp(host, world.now())) return;\n',
      replace: '  void mayTurnUp;\n',
    },
    NO_WALK,
  ]),
];
