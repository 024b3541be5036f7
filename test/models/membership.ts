/** A pool lives as long as somebody uses it, whoever comes and goes at the same time. */
import { parseCidr } from '../../functions/ipam/address.ts';
import { type Check, falls, holds, survives, violated } from './check.ts';
import { networkOf, nothingLeaks, sound } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor, Model } from './simulation.ts';

const CIDR = '10.0.0.0/30';

/** A network of host `a` stands. */
async function standing(me: Player): Promise<void> {
  const net = await me.pool({ pool: CIDR }, me.call({ hostId: 'a' }));
  if (net === undefined) throw new Error('there is no pool to begin with');
  me.remember('a', net.poolId);
  me.remember('drop', await me.hold(net.poolId));
}

/** Host `a` gives its network up. */
const leaves: Actor = {
  name: 'a',
  play: async (me) => {
    me.giveUp('drop');
    await me.leave(me.recall('a'));
  },
};

/** Docker is not sure that the release got through. */
const repeats: Actor = {
  name: 'a again',
  play: async (me) => {
    me.giveUp('drop');
    await me.leave(me.recall('a'));
  },
};

const joins = (name: string): Actor => ({
  name,
  play: async (me) => {
    const net = await me.pool({ pool: CIDR });
    if (net !== undefined) await me.hold(net.poolId);
  },
});

const visits = (name: string): Actor => ({
  name,
  play: async (me) => {
    const net = await me.pool({ pool: CIDR });
    if (net === undefined) return;
    const drop = await me.hold(net.poolId);
    drop();
    await me.leave(net.poolId);
  },
});

/** What clears up behind others runs the same routine, for a reference that may never have been. */
const sweeps: Actor = {
  name: 'sweep',
  play: async (me) => {
    const { generation } = networkOf(me.recall('a'));
    const cidr = parseCidr(CIDR);
    if (cidr === undefined) throw new Error('not a CIDR');
    await me.stage.rules.leavePool(me.deps, { generation, name: 'nobody00000000', space: 'default', cidr });
  },
};

const model = (faults: number, ...actors: readonly Actor[]): Model => ({
  name: actors.map(({ name }) => name).join(', '),
  before: standing,
  actors,
  faults,
  always: sound,
  finally: nothingLeaks,
});

export const membership: readonly Check[] = [
  holds('one leaves while another joins, with a write gone astray', [model(1, leaves, joins('b'))]),
  holds('one leaves while another comes and goes', [model(0, leaves, visits('b'))]),
  holds('a release is repeated while another joins', [model(0, leaves, repeats, joins('b'))]),
  holds('something clears up while one leaves and another joins', [
    model(1, sweeps, joins('b')),
    model(0, leaves, sweeps),
    model(0, leaves, sweeps, joins('b')),
  ]),
  survives(
    'many come, go and clear up, with two writes gone astray',
    [model(2, leaves, visits('b'), visits('c'), sweeps), model(2, leaves, repeats, visits('b'), joins('c'))],
    1_000,
  ),
  falls(
    'fails when a change does not stand on what was seen of the pool',
    [model(1, leaves, sweeps, visits('b')), model(1, leaves, visits('b'), visits('c'))],
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
    'fails when a joiner takes the next life of a pool for the one that it saw',
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
    'fails when a joiner looks at the pool before its reference is there',
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
    'fails when the last to leave does not look again before it removes the pool',
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
    'fails when whoever loses a write while leaving does not look again',
    [model(0, leaves, visits('b'), sweeps), model(0, leaves, visits('b'))],
    /pool .* leaks/,
    [
      {
        within: 'retireUnreferenced',
        find: 'pool ??= await store.readPool(ref.space, ref.cidr);',
        replace: 'if (pool === undefined) return true;',
      },
    ],
  ),
  violated('fails when a reference that ends leaves no tombstone', [model(1, visits('b'))], /reference .* leaks/, [
    {
      within: 'MemoryStore.endRef',
      find: "this.refs.set(refKey(ref), { ...ref, state: 'gone', endedAt: ref.endedAt ?? endedAt });",
      replace: 'this.refs.delete(refKey(ref));',
    },
  ]),
];
