/** A space never holds more pools than its limit, however many hosts ask at once. */
import { asks, together, visits } from './actors.ts';
import { type Check, falls, holds, survives, violated } from './check.ts';
import { holdsAtMost } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor, Model } from './simulation.ts';

const MAX = 1;
const [FIRST, SECOND, THIRD] = ['10.0.0.0/31', '10.0.0.2/31', '10.0.0.4/31'] as const;

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

export const limits: readonly Check[] = [
  holds('two rivals stay within the limit, with one faulty write', [rivals(1), rivals(1, 10)]),
  holds('two rivals stay within the limit although one treats every announcement as abandoned', [rivals(0, 10_000)]),
  survives(
    'rivals that come and go stay within the limit, with two faulty writes',
    [model(2, visits('a', FIRST), visits('b', SECOND), visits('c', THIRD))],
    2_000,
  ),
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
];
