/** A pool exists as long as a network uses it, whichever networks join and leave at the same time. */
import { cidr } from '../support/addresses.ts';
import { asks, together, visits } from './actors.ts';
import { type Check, falls, holds, survives, violated } from './check.ts';
import { leave, sharing } from './stands.ts';
import { networkOf } from './invariants.ts';
import type { Actor, Model } from './simulation.ts';

const CIDR = '10.0.0.0/30';

/** Host `a` releases its network. */
const leaves: Actor = { name: 'a', play: leave };

/** Docker repeats a release because it does not know whether it arrived. */
const repeats: Actor = { name: 'a again', play: leave };

/** A sweep runs the same routine, for a reference that may never have existed. */
const sweeps: Actor = {
  name: 'sweep',
  play: async (me) => {
    const { generation } = networkOf(me.recall('a'));
    const ref = { generation, name: 'nobody00000000', space: 'default', cidr: cidr(CIDR) };
    await me.stage.rules.leavePool(me.deps, ref);
  },
};

const model = (faults: number, ...actors: readonly Actor[]): Model => together(sharing(CIDR, ['a']), faults, ...actors);
const joins = (name: string): Actor => asks(name, CIDR);
const comesAndGoes = (name: string): Actor => visits(name, CIDR);

export const membership: readonly Check[] = [
  holds('one network leaves while another joins, with one faulty write', [model(1, leaves, joins('b'))]),
  holds('one network leaves while another comes and goes', [model(0, leaves, comesAndGoes('b'))]),
  holds('a release is repeated while another network joins', [model(0, leaves, repeats, joins('b'))]),
  holds('a cleanup runs while one network leaves and another joins', [
    model(1, sweeps, joins('b')),
    model(0, leaves, sweeps),
    model(0, leaves, sweeps, joins('b')),
  ]),
  survives(
    'networks come and go while cleanups run, with two faulty writes',
    [
      model(2, leaves, comesAndGoes('b'), comesAndGoes('c'), sweeps),
      model(2, leaves, repeats, comesAndGoes('b'), joins('c')),
    ],
    1_000,
  ),
  falls(
    'fails when a pool is changed whatever its state',
    [model(1, leaves, sweeps, comesAndGoes('b')), model(1, leaves, comesAndGoes('b'), comesAndGoes('c'))],
    /lost its pool|leaks/,
    [
      {
        within: 'MemoryStore.changePool',
        find: 'if (this.pools.get(poolKey(seen))?.rev !== seen.rev)',
        replace: 'if (this.pools.get(poolKey(seen))?.generation !== seen.generation)',
      },
      {
        within: 'MemoryStore.removePool',
        find: 'const same = this.pools.get(poolKey(seen))?.rev === seen.rev;',
        replace: 'const same = this.pools.get(poolKey(seen))?.generation === seen.generation;',
      },
    ],
  ),
  falls(
    'fails when a joiner accepts a later life of the pool than the one that it read',
    [model(0, leaves, joins('b'), joins('c'))],
    /lost its reference|lost its pool/,
    [
      {
        within: 'joinPool',
        find: "if (pool?.generation !== ref.generation || pool.state === 'pending') break;",
        replace: "if (pool === undefined || pool.state === 'pending') break;",
      },
    ],
  ),
  violated(
    'fails when a joiner reads the pool before it adds its reference',
    [model(0, leaves, joins('b'))],
    /lost its pool/,
    [
      {
        within: 'joinPool',
        find: '    await addRefWithGateway(deps, call, ref, { isNewborn: false, former });\n',
        replace: '',
      },
      {
        within: 'joinPool',
        find: "if (pool.state === 'confirmed') return pool;",
        replace:
          "if (pool.state === 'confirmed') return (await addRefWithGateway(deps, call, ref, { isNewborn: false, former }), pool);",
      },
    ],
  ),
  violated(
    'fails when the last network to leave does not look again before it removes the pool',
    [model(0, leaves, joins('b'))],
    /lost its pool/,
    [
      {
        within: 'retireUnreferenced',
        find: "if (pool.state === 'confirmed') pool = await store.changePool(pool, 'retiring');",
        replace:
          "if (pool.state === 'confirmed') { pool = await store.changePool(pool, 'retiring'); if (pool && (await store.removePool(pool))) return false; }",
      },
    ],
  ),
  falls(
    'fails when a network that loses a write while leaving does not look again',
    [model(0, leaves, comesAndGoes('b'), sweeps), model(0, leaves, comesAndGoes('b'))],
    /pool .* leaks/,
    [
      {
        within: 'retireUnreferenced',
        find: 'pool ??= await store.readPool(ref.space, ref.cidr);',
        replace: 'if (pool === undefined) return true;',
      },
    ],
  ),
  violated(
    'fails when a reference that ends leaves no tombstone',
    [model(1, comesAndGoes('b'))],
    /reference .* leaks/,
    [
      {
        within: 'MemoryStore.endRef',
        find: "this.refs.set(refKey(ref), { ...ref, state: 'gone', endedAt: ref.endedAt ?? endedAt });",
        replace: 'this.refs.delete(refKey(ref));',
      },
    ],
  ),
];
