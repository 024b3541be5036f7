/**
 * Sweeps, returns, deaths and corrections that are cut off at each of their requests, and then go on as Berth lets them.
 * The clock stands still between a cut and what follows it, so that all times are the same with and without the cut.
 */
import { LEASE_MS } from '../../functions/ipam/host.ts';
import { fenceHost } from '../../functions/ipam/hosts/fence.ts';
import { cidr } from '../support/addresses.ts';
import type { Check } from './check.ts';
import { comparison } from './comparisons.ts';
import { type Cuttable, type Scene, endsAsUncut, endsOtherwise } from './cut.ts';
import {
  HOUR_MS,
  MINUTE_MS,
  SHARED,
  changeHost,
  drops,
  giveUp,
  isClean,
  registers,
  returns,
  sweepsAll,
  uses,
  vanishes,
} from './cut-fleet.ts';
import { allIsAwake, nothingFencedIsAwake } from './hosts.ts';
import { networkOf } from './invariants.ts';
import type { State } from './simulation.ts';

const WEEK_MS = 7 * 24 * HOUR_MS;

/** One of everything that a sweep clears up. Host `b` is alive; `silent` has just become silent. */
async function littered(scene: Scene): Promise<void> {
  const { memory, deps, host } = scene;
  const { world } = deps;
  await returns(scene, 'forgotten');
  const forgotten = [await uses(scene, 'forgotten'), await uses(scene, 'forgotten', { pool: '10.2.0.0/28' })];
  world.advance(LEASE_MS);
  await fenceHost(deps, 'forgotten', Infinity);
  world.advance(WEEK_MS);
  for (const poolId of forgotten) giveUp(scene, poolId);

  for (const id of ['silent', 'dead', 'b']) await returns(scene, id);
  await uses(scene, 'b');
  for (const pool of [SHARED, '10.3.0.0/28']) await uses(scene, 'silent', { pool });
  for (const pool of [SHARED, '10.4.0.0/28']) giveUp(scene, await uses(scene, 'dead', { pool }));
  await changeHost(scene, 'dead', {
    state: 'dead',
    epoch: 2,
    fencedAt: world.now(),
    changedAt: world.now(),
    refsLag: true,
  });

  await host('b').address({ poolId: await uses(scene, 'b'), pool: SHARED }, '10.1.0.77');
  const kept = await uses(scene, 'b');
  await host('b').address({ poolId: kept, pool: SHARED }, '10.1.0.78');
  await drops(scene, kept);
  await drops(scene, await uses(scene, 'b', { pool: '10.5.0.0/28' }));
  await vanishes(scene, await uses(scene, 'b', { pool: '10.6.0.0/28' }));
  await vanishes(scene, await uses(scene, 'b', { pool: '10.7.0.0/28' }));
  const retiring = await memory.readPool('default', cidr('10.7.0.0/28'));
  if (retiring !== undefined) await memory.changePool(retiring, 'retiring');
  const ended = await uses(scene, 'b', { pool: '10.8.0.0/28' });
  giveUp(scene, ended);
  await host('b').leave({ poolId: ended, pool: '' });
  await memory.removeTombstone(networkOf(ended).generation, networkOf(ended).ref);

  world.advance(LEASE_MS);
  await returns(scene, 'b');
  const draft = { space: 'default', announcedAt: world.now(), createdBy: 'b', gateway: undefined, cooldown: 30_000 };
  await memory.announcePool({ ...draft, cidr: cidr('10.9.0.0/28'), exclusive: false });
  world.advance(MINUTE_MS);
}

/** An hour later, when tombstones are gone and the chunks of their pools follow them. */
async function sweepsLater(scene: Scene): Promise<void> {
  scene.deps.world.advance(HOUR_MS);
  await returns(scene, 'b');
  await sweepsAll(100)(scene);
}

const sweeping = (name: string, limit: number): Cuttable => ({
  name,
  prepare: littered,
  operation: sweepsAll(limit),
  then: sweepsAll(limit),
  isSound: (state) => isClean(state) ?? nothingFencedIsAwake(state),
  later: sweepsLater,
});

const sweep = sweeping('a sweep ends as uncut', 100);
const sweeps = sweeping('sweeps that share the work end as uncut', 5);
/** What the sweep before has freed is removed: tombstones that are old by now, and chunks of pools without references. */
const nextSweep: Cuttable = {
  ...sweeping('a sweep that removes what the one before has freed ends as uncut', 100),
  prepare: async (scene) => {
    await littered(scene);
    await sweepsAll(100)(scene);
    scene.deps.world.advance(HOUR_MS);
    await returns(scene, 'b');
  },
};
const twoSweeps: Cuttable = {
  ...sweeping('a sweep ends as uncut while another runs', 100),
  beside: sweepsAll(100),
};

/** More than are visited side by side. */
const NETWORKS = 36;

/** Host `a` has many networks and falls silent; it shares each with host `b`. */
async function silent(scene: Scene): Promise<void> {
  await returns(scene);
  for (let n = 0; n < NETWORKS; n++) {
    const pool = `10.1.${n}.0/28`;
    if (n < 4) await uses(scene, 'b', { pool, leases: 1 });
    await uses(scene, 'a', { pool, leases: n < 4 ? 2 : 0 });
  }
  scene.deps.world.advance(LEASE_MS);
}

async function asleep(scene: Scene): Promise<void> {
  await silent(scene);
  await fenceHost(scene.deps, 'a', Infinity);
  scene.deps.world.advance(MINUTE_MS);
}

/** Host `a` returned a while ago, and its registration was cut off. */
async function halfAwake(scene: Scene): Promise<void> {
  await asleep(scene);
  const { refs } = scene.memory;
  const dormant = [...refs.values()].filter(({ state }) => state === 'dormant');
  await returns(scene);
  for (const ref of dormant.slice(5)) await scene.memory.changeRefState({ ...ref, state: 'live', epoch: 2 }, ref);
  scene.deps.world.advance(20 * MINUTE_MS);
}

const isAwake = (state: State): string | undefined => isClean(state) ?? allIsAwake(state);

const wake: Cuttable = {
  name: 'the return of a fenced host ends as uncut',
  prepare: asleep,
  operation: (scene) => registers(scene, 'a'),
  then: returns,
  isSound: isAwake,
};

const lateWake: Cuttable = { ...wake, name: 'a return that was cut off before ends as uncut', prepare: halfAwake };

/** The fence may be cut off before it begins: then the host was never fenced, and keeps its epoch. */
const fence: Cuttable = {
  name: 'a host that returns from a fence that was cut off has all that it had',
  prepare: silent,
  operation: ({ rules, deps }) => rules.fenceHost(deps, 'a', Infinity),
  then: returns,
  isSound: (state) => isAwake(state) ?? nothingFencedIsAwake(state),
  compared: 'nothing',
};

/** Host `a` shares pools with host `b`, and has others alone. It no longer uses any of it. */
async function lost(scene: Scene): Promise<void> {
  await returns(scene);
  for (let n = 0; n < 4; n++) {
    const pool = `10.1.${n}.0/28`;
    if (n < 2) await uses(scene, 'b', { pool, leases: 1 });
    const poolId = await uses(scene, 'a', { pool });
    await scene.host('a').address({ poolId, pool }, `10.1.${n}.14`);
    giveUp(scene, poolId);
  }
  scene.deps.world.advance(MINUTE_MS);
}

const WHY = 'terminated';

const dies = ({ rules, deps }: Scene): Promise<unknown> => rules.reportDeath(deps, 'a', WHY, Infinity);

const death: Cuttable = {
  name: 'a death that is reported again ends as uncut',
  prepare: lost,
  operation: dies,
  then: dies,
  isSound: isClean,
};

const declared: Cuttable = {
  ...death,
  name: 'a death that an operator declares again ends as uncut',
  then: ({ rules, deps }) => rules.declareDead(deps, 'a', WHY, true),
};

/** Only the sweep knows of the death, unless the cut came before it was written. */
const swept: Cuttable = {
  ...death,
  name: 'a death that the sweep goes on with ends as uncut',
  then: async (scene) => {
    if (scene.memory.hosts.get('a')?.state !== 'dead') await dies(scene);
    scene.deps.world.advance(2 * MINUTE_MS);
    await sweepsAll(100)(scene);
  },
  compared: 'nothing',
};

/** A report does nothing more about a host that has its state already. */
const CARRIED_ON_ONCE = [
  {
    within: 'report',
    find: '  const host = await changeHost(deps, hostId, (seen) => {\n    const next = change(seen);\n',
    replace:
      '  let isChanged = false;\n  const host = await changeHost(deps, hostId, (seen) => {\n    const next = change(seen);\n    isChanged = next !== undefined;\n',
  },
  {
    within: 'report',
    find: '  await follow(deps, host, deadline);\n',
    replace: '  if (isChanged) await follow(deps, host, deadline);\n',
  },
];

const drain: Cuttable = {
  name: 'a drain that is reported again ends as uncut',
  prepare: async (scene) => {
    await silent(scene);
    await returns(scene);
  },
  operation: ({ rules, deps }) => rules.reportDrain(deps, 'a', WHY, Infinity),
  then: ({ rules, deps }) => rules.reportDrain(deps, 'a', WHY, Infinity),
  isSound: isClean,
};

const lifted: Cuttable = {
  ...drain,
  name: 'a drain that is lifted again ends as uncut',
  prepare: async (scene) => {
    await drain.prepare(scene);
    await drain.operation(scene);
  },
  operation: ({ rules, deps }) => rules.resumeHost(deps, 'a'),
  then: ({ rules, deps }) => rules.resumeHost(deps, 'a'),
  isSound: isAwake,
};

/** The walk over all items leaves references that are not gone alone, so that only the hosts are visited. */
const NO_WALK = {
  within: 'sweepStanding',
  find: '  await sideBySide(standing, (ref) => follow(deps, host, ref, shift), isOverFor(deps, shift));\n',
  replace: '  void [host, follow, shift];\n',
};

export const cuts: readonly Check[] = [
  ...[
    sweep,
    sweeps,
    nextSweep,
    twoSweeps,
    wake,
    lateWake,
    fence,
    death,
    declared,
    swept,
    drain,
    lifted,
    comparison,
  ].map(endsAsUncut),
  endsOtherwise('fails when a sweep saves its progress before the work is done', sweeps, /leaks/, [
    {
      within: 'walkItems',
      find: '    report.items += items.length;\n',
      replace: `    report.items += items.length;
    if (next !== undefined) await store.writeSweep({ shard: 0, host: undefined, fenced: 0, item: next, walkedAt: from.walkedAt, usage });
`,
    },
  ]),
  endsOtherwise('fails when a fence does not record that references lag', sweep, /of a fenced epoch lives/, [
    { within: 'fenceHost', find: 'why: WHY, refsLag: true', replace: 'why: WHY, refsLag: false' },
    NO_WALK,
  ]),
  endsOtherwise('fails when a fence puts references to sleep before it raises the epoch', fence, /sleeps on/, [
    {
      within: 'fenceHost',
      find: '  const host = await changeHost(deps, id, (seen) =>\n',
      replace: `  const early = await deps.store.readHost(id);
  if (early !== undefined && isSilent(early, now)) {
    await eachRef(deps, id, deadline, async (ref) => (await quiet(deps, { ...early, epoch: early.epoch + 1 }, ref), true));
  }
  const host = await changeHost(deps, id, (seen) =>
`,
    },
  ]),
  endsOtherwise(
    'fails when a registration forgets that references lag',
    { ...wake, compared: 'nothing' },
    /sleeps on/,
    [{ within: 'stateAfter', find: 'refsLag: returns || seen?.refsLag === true }', replace: 'refsLag: returns }' }],
  ),
  endsOtherwise('fails when a return is concluded before all references are awake', lateWake, /sleeps on/, [
    {
      within: 'wakeRefs',
      find: '  const all = await eachRef(',
      replace: '  await concludeHost(deps, host);\n  const all = await eachRef(',
    },
  ]),
  endsOtherwise(
    'fails when a death is not carried on because the host is dead already',
    death,
    /leaks/,
    CARRIED_ON_ONCE,
  ),
  endsOtherwise(
    'fails when a drain is not carried on because the host drains already',
    drain,
    /state: 'live'/,
    CARRIED_ON_ONCE,
  ),
  endsOtherwise('fails when a death leaves out what ended before the cut', declared, /leaks/, [
    {
      within: 'reclaimHost',
      find: '      if ((ref.endedAt ?? 0) >= (host.fencedAt ?? 0)) await freeHeld(deps, ref, deadline);\n',
      replace: '      void freeHeld;\n',
    },
  ]),
  endsOtherwise(
    'fails when only the first message of a revival reserves what the network keeps',
    comparison,
    /is free/,
    [
      {
        within: 'reviveNetwork',
        find: 'if (isNew || revival.isLast)',
        replace: 'if (isNew)',
      },
    ],
  ),
  endsOtherwise('fails when a network is live before all that it leases is restored', comparison, /is free/, [
    { within: 'refOf', find: "state: 'reviving',", replace: "state: 'live'," },
  ]),
];
