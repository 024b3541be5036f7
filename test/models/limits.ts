/** A space never holds more pools than its limit, however many hosts ask at once. */
import { cidr } from '../support/addresses.ts';
import { asks, together, visits } from './actors.ts';
import { type Check, falls, holds, survives, violated } from './check.ts';
import { holdsAtMost } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor, Model } from './simulation.ts';

const MAX = 1;
const [FIRST, SECOND, THIRD, FOURTH] = ['10.0.0.0/31', '10.0.0.2/31', '10.0.0.4/31', '10.0.0.6/31'] as const;

const limited = async (me: Player): Promise<void> => {
  await me.deps.store.writeSpace('default', { maxPools: MAX }, undefined);
};

const model = (faults: number, ...actors: readonly Actor[]): Model => ({
  ...together(limited, faults, ...actors),
  always: holdsAtMost(MAX),
});

const rivals = (faults: number, ahead = 0): Model => ({
  ...model(faults, asks('a', FIRST, ahead), asks('b', SECOND)),
  unseen: ['add ref', 'holds'],
});

/** Host `a` leaves the only pool while one host joins it and another asks for a different pool. */
const handedOver: Model = {
  ...model(0, { name: 'a leaves', play: (me) => me.leave(me.recall('a')) }, asks('b joins', FIRST), asks('c', SECOND)),
  before: async (me) => {
    await limited(me);
    const net = await me.pool({ pool: FIRST }, me.call({ hostId: 'a' }));
    me.remember('a', net?.poolId ?? '');
  },
};

/**
 * The process of host `a` has just counted no pool where there are two by now, and host `b` asks a millisecond later: as
 * many pools as a partition takes. There is room for one of them.
 */
const remembered: Model = {
  ...model(
    0,
    {
      name: 'a',
      play: async (me) => {
        const { counts } = me.inProcess.memory;
        counts.remember({ space: 'default', cidr: cidr(FIRST) }, 0, me.deps.world.now());
        const net = await me.pool({ pool: FIRST });
        if (net !== undefined) await me.hold(net.poolId);
      },
    },
    {
      name: 'b',
      play: async (me) => {
        await me.wait(1);
        const net = await me.pool({ pool: SECOND });
        if (net !== undefined) await me.hold(net.poolId);
      },
    },
  ),
  before: async (me) => {
    await me.deps.store.writeSpace('default', { maxPools: 3 }, undefined);
    for (const [host, pool] of [
      ['c', THIRD],
      ['d', FOURTH],
    ] as const) {
      const net = await me.pool({ pool }, me.call({ hostId: host }));
      await me.hold(net?.poolId ?? '');
    }
  },
  unseen: ['add ref', 'holds'],
  always: holdsAtMost(3),
};

export const limits: readonly Check[] = [
  holds('two rivals stay within the limit, with one faulty write', [rivals(1), rivals(1, 10)]),
  holds('two rivals stay within the limit although one treats every announcement as abandoned', [rivals(0, 10_000)]),
  survives(
    'rivals that come and go stay within the limit, with two faulty writes',
    [model(2, visits('a', FIRST), visits('b', SECOND), visits('c', THIRD))],
    2_000,
  ),
  holds('a function whose process remembers a count stays within the limit', [remembered]),
  survives('a pool that another host joins while it is left stays within the limit', [handedOver], 2_000),

  violated(
    'fails when the older announcement does not wait until the younger ones are gone',
    [rivals(0)],
    /the space holds 2 pools/,
    [{ within: 'awaitRoom', find: 'if (others < max) return;', replace: 'if (ahead < max) return;' }],
  ),
  violated(
    'fails when an abandoned announcement does not count before it is removed',
    [rivals(0, 10_000)],
    /the space holds 2 pools/,
    [
      {
        within: 'countOthers',
        find: 'if (hasExpired(other, world.now()) && (await store.removePool(other))) continue;',
        replace: 'if (hasExpired(other, world.now())) continue;',
      },
    ],
  ),
  falls('fails when a retiring pool does not count', [handedOver], /the space holds 2 pools/, [
    {
      within: 'countOthers',
      find: 'if (isSamePool(other, pool)) continue;',
      replace: "if (isSamePool(other, pool) || other.state === 'retiring') continue;",
    },
  ]),
  violated(
    'fails when a remembered count leaves out what others may have announced since',
    [remembered],
    /the space holds 4 pools/,
    [
      {
        within: 'PoolCounts.showRoom',
        find: 'count.pools + POOLS_PER_MS * (now - count.began + 1) < max;',
        replace: 'count.pools < max;',
      },
    ],
  ),
  violated(
    'fails when the time of a remembered count is read before the pool is announced',
    [remembered],
    /the space holds 4 pools/,
    [
      {
        within: 'awaitRoom',
        find: 'counts?.showRoom(pool, max, deps.world.now()) === true',
        replace: 'counts?.showRoom(pool, max, pool.announcedAt) === true',
      },
    ],
  ),
];
