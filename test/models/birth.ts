/** New pools are disjoint, in whatever order they are created and whether a write is lost, late or repeated. */
import { cidr } from '../support/addresses.ts';
import { asks, visits } from './actors.ts';
import { type Check, falls, holds, survives, violated } from './check.ts';
import { nothingLeaks, sound } from './invariants.ts';
import type { Actor, Model } from './simulation.ts';

/** Its clock is so far ahead that it treats every announcement as abandoned. */
const impatient = (name: string, pool: string): Actor => asks(name, pool, name === 'b' ? 10_000 : 0);

const NAMES = ['a', 'b', 'c'];

function model(
  pools: readonly string[],
  faults: number,
  act: (name: string, pool: string) => Actor = asks,
  changes: Partial<Model> = {},
): Model {
  const actors = pools.map((pool, index) => act(NAMES[index] ?? '', pool));
  // No actor reads a reference unless one leaves.
  const unseen = act === asks ? ['add ref', 'holds'] : [];
  // An announcement that was not confirmed is left to its timeout; a confirmed pool must be held.
  return { name: pools.join(', '), actors, faults, always: sound, finally: nothingLeaks, unseen, ...changes };
}

/** A pool exists, and is removed while two rivals are created: one that starts after it, and one that contains both. */
const beside: Model = {
  ...model(['10.0.0.0/30', '10.0.0.2/31'], 0),
  name: '10.0.0.0/30, 10.0.0.2/31, 10.0.0.0/31 leaves',
  before: async (me) => {
    const net = await me.pool({ pool: '10.0.0.0/31' }, me.call({ hostId: 'c' }));
    me.remember('c', net?.poolId ?? '');
  },
  actors: [asks('a', '10.0.0.0/30'), asks('b', '10.0.0.2/31'), { name: 'c', play: (me) => me.leave(me.recall('c')) }],
  unseen: ['add ref', 'holds'],
  positions: ['10.0.0.0/30', '10.0.0.0/31', '10.0.0.2/31'].map(cidr),
};

const bothWays = (pairs: readonly (readonly [string, string])[]): string[][] =>
  pairs.flatMap(([a, b]) =>
    a === b
      ? [[a, b]]
      : [
          [a, b],
          [b, a],
        ],
  );

const PAIRS = bothWays([
  ['10.0.0.0/30', '10.0.0.0/30'],
  ['10.0.0.0/30', '10.0.0.0/31'],
  ['10.0.0.0/30', '10.0.0.2/31'],
  ['10.0.0.0/31', '10.0.0.1/32'],
]);

const TRIPLES = [
  ['10.0.0.0/30', '10.0.0.0/31', '10.0.0.3/32'],
  ['10.0.0.3/32', '10.0.0.0/30', '10.0.0.0/31'],
  ['10.0.0.2/31', '10.0.0.3/32', '10.0.0.0/30'],
  ['10.0.0.0/31', '10.0.0.0/32', '10.0.0.0/30'],
];

export const birth: readonly Check[] = [
  holds(
    'two rival pools never overlap, with one faulty write',
    PAIRS.map((pools) => model(pools, 1)),
  ),
  holds(
    'rival IPv6 pools never overlap',
    bothWays([['fd00::/126', 'fd00::2/127']]).map((pools) => model(pools, 1)),
  ),
  survives(
    'three rival pools that come and go never overlap, with two faulty writes',
    TRIPLES.map((pools) => model(pools, 2, visits)),
    3_000,
  ),
  holds(
    'rival pools that come and go never overlap',
    PAIRS.map((pools) => model(pools, 0, visits)),
  ),
  holds('rival pools never overlap while a pool next to them is removed', [beside]),
  holds(
    'rival pools never overlap although a query is not a snapshot',
    PAIRS.map((pools) =>
      model(pools, 1, asks, { positions: ['10.0.0.0/30', '10.0.0.0/31', '10.0.0.1/32', '10.0.0.2/31'].map(cidr) }),
    ),
  ),
  holds(
    'rival pools never overlap although one treats every announcement as abandoned',
    PAIRS.slice(0, 5).map((pools) => model(pools, 0, impatient)),
  ),

  violated(
    'fails when the older announcement does not remove the younger one',
    PAIRS.map((pools) => model(pools, 0)),
    /pools overlap/,
    [{ within: 'contest', find: 'if (!(await store.removePool(rival))) moved = true;', replace: '' }],
  ),
  falls(
    'fails when the look backward stops at the first pool that it finds',
    [
      model(['10.0.0.0/30', '10.0.0.1/32', '10.0.0.2/31'], 0),
      model(['10.0.0.1/32', '10.0.0.0/30', '10.0.0.2/31'], 0),
      model(['10.0.0.2/31', '10.0.0.1/32', '10.0.0.0/30'], 0),
      model(['10.0.0.0/30', '10.0.0.2/31', '10.0.0.1/32'], 0),
    ],
    /pools overlap/,
    [
      {
        within: 'lookBackward',
        find: '      if (reaches) pending.push(other);\n',
        replace: '      if (reaches) pending.push(other);\n      return { pending };\n',
      },
    ],
  ),
  falls(
    'fails when a retiring pool does not block',
    [...PAIRS.map((pools) => model(pools, 0, visits))],
    /pools overlap|lost its pool/,
    [
      {
        within: 'lookForward',
        find: "      if (other.state !== 'pending') return { blocking: other, pending };",
        replace:
          "      if (other.state === 'retiring') continue;\n      if (other.state !== 'pending') return { blocking: other, pending };",
      },
      {
        within: 'lookBackward',
        find: '      const reaches = overlap(other.cidr, pool.cidr);',
        replace:
          "      const reaches = overlap(other.cidr, pool.cidr);\n      if (other.state === 'retiring') continue;",
      },
    ],
  ),
  violated('fails when the look forward descends', [{ ...beside, forwardDescends: true }], /pools overlap/, []),
  violated(
    'fails when all attempts of an announcement have the same identity',
    PAIRS.map((pools) => model(pools, 1, asks, { oneAnnouncementId: true })),
    /pools overlap/,
    [],
  ),
];
