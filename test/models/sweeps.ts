/** A sweep cleans up while networks come and go. */
import { emptyReport } from '../../functions/ipam/sweep/report.ts';
import { type Check, holds, survives, violated } from './check.ts';
import { networkOf, nothingLeaks, sound } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor, Model } from './simulation.ts';
import { MAC, leave, own, sharing } from './stands.ts';

const POOL = '10.0.0.0/30';
const KEPT = '10.0.0.2';
const HOURS = 2 * 3_600_000;

/** A function ended the network of host `a`, and did nothing else. */
async function cutOff(me: Player): Promise<void> {
  const { generation, ref } = networkOf(me.recall('a'));
  me.giveUp('a drops');
  await me.deps.store.endRef(generation, ref, me.deps.world.now());
}

/** No network is left on a pool of which an address was used. */
async function abandoned(me: Player): Promise<void> {
  await sharing(POOL, ['a'])(me);
  const call = me.call({ hostId: 'a' });
  const given = await me.address(me.recall('a'), '', MAC, call);
  await me.release(me.recall('a'), given ?? '', me.call({ hostId: 'a' }));
  await cutOff(me);
  const { generation, ref } = networkOf(me.recall('a'));
  await me.deps.store.removeTombstone(generation, ref);
}

/** An address is reserved that only the ended network of host `a` has listed. */
async function unlisted(me: Player): Promise<void> {
  await sharing(POOL, ['a', 'b'])(me);
  await me.address(me.recall('a'), KEPT, {}, me.call({ hostId: 'a' }));
  await cutOff(me);
}

/** All of it at once. */
async function littered(me: Player): Promise<void> {
  await unlisted(me);
  await me.address(me.recall('b'), '10.0.0.1', MAC, me.call({ hostId: 'b' }));
  me.giveUp('b drops');
  const { generation, ref } = networkOf(me.recall('b'));
  await me.deps.store.endRef(generation, ref, me.deps.world.now());
}

const sweeping = (name: string, afterwards = false): Actor => ({
  ...{ name, afterwards, ahead: HOURS },
  play: async (me) => {
    await me.stage.rules.sweep(me.deps, { deadline: Infinity, limit: 100, cursor: undefined });
  },
});

const sweepingPool = (name: string): Actor => ({
  name,
  play: async (me) => {
    const network = await me.deps.store.poolsStartingIn('default', { family: 4, first: 0n, last: 2n ** 32n - 1n });
    for (const pool of network.items) await me.stage.rules.sweepPool(me.deps, pool, emptyReport());
  },
});

const sweepingChunks: Actor = {
  name: 'sweep',
  play: async (me) => {
    const { generation } = networkOf(me.recall('a'));
    const chunks = await me.deps.store.readChunks(generation, 0n, 0n);
    await me.stage.rules.sweepChunks(me.deps, generation, chunks, { report: emptyReport() });
  },
};

/** The walk has met this pool before, and knows the references that it had then. */
const sweepingChunksAgain: Actor = {
  name: 'sweep',
  play: async (me) => {
    const { generation } = networkOf(me.recall('a'));
    const { items } = await me.deps.store.refsOf(generation);
    const chunks = await me.deps.store.readChunks(generation, 0n, 0n);
    const walk = { report: emptyReport(), owners: new Map([[generation, items]]) };
    await me.stage.rules.sweepChunks(me.deps, generation, chunks, walk);
  },
};

const sweepingTombstones: Actor = {
  ...{ name: 'sweep', afterwards: true, ahead: HOURS },
  play: async (me) => {
    const { generation } = networkOf(me.recall('a'));
    const { items } = await me.deps.store.refsOf(generation);
    await me.stage.rules.sweepTombstones(me.deps, items, emptyReport());
  },
};

const leaves: Actor = { name: 'a leaves', play: leave };

const claims: Actor = {
  name: 'a claims',
  play: async (me) => {
    await me.address(own(me), '', MAC);
  },
};

const joins = (name: string): Actor => ({
  name,
  play: async (me) => {
    const net = await me.pool({ pool: POOL });
    if (net === undefined) return;
    await me.hold(net.poolId);
    const given = await me.address(net.poolId, '', MAC);
    if (given !== undefined) await me.hold(net.poolId, given);
  },
});

const visits = (name: string): Actor => ({
  name,
  play: async (me) => {
    const net = await me.pool({ pool: POOL });
    if (net === undefined) return;
    const drop = await me.hold(net.poolId);
    drop();
    await me.leave(net.poolId);
  },
});

const keeps: Actor = {
  name: 'b keeps',
  play: async (me) => {
    await me.address(own(me), KEPT);
  },
};

const model = (before: (me: Player) => Promise<void>, faults: number, ...actors: readonly Actor[]): Model => ({
  name: actors.map(({ name }) => name).join(', '),
  ...{ before, actors, faults, always: sound, finally: nothingLeaks },
});

const joined = model(abandoned, 0, sweepingChunks, joins('b'));
const kept = model(unlisted, 0, sweepingChunks, keeps);
const again = [
  model(abandoned, 0, sweepingChunksAgain, joins('b')),
  model(unlisted, 0, sweepingChunksAgain, keeps, joins('c')),
  model(sharing(POOL, ['a', 'b']), 0, sweepingChunksAgain, leaves, joins('c')),
];
const ended = model(sharing('10.0.0.0/30', ['a', 'b']), 0, leaves, claims, sweepingTombstones);

export const sweeps: readonly Check[] = [
  holds('a pool is swept while networks leave and join', [
    model(abandoned, 0, sweepingPool('sweep'), joins('b')),
    model(abandoned, 0, sweepingPool('sweep'), sweepingPool('sweep again')),
    model(abandoned, 1, sweepingPool('sweep'), visits('b')),
    model(sharing(POOL, ['a']), 0, sweepingPool('sweep'), leaves),
  ]),
  holds('chunks are swept while networks join and keep addresses', [joined, kept]),
  holds('chunks are swept again while networks join, end and keep addresses', again),
  violated('fails when references that a walk has read before decide what is freed', again, /is held|is free/, [
    { within: 'sweepChunks', find: 'const refs = await allRefs(', replace: 'const refs = known ?? await allRefs(' },
  ]),
  holds('a lease that landed under a tombstone is freed before the tombstone is removed', [ended]),
  holds('one sweep clears up everything that was left', [model(littered, 1, sweeping('sweep'))]),
  survives(
    'two sweeps run at once while networks come and go',
    [
      model(littered, 1, sweeping('sweep'), sweeping('sweep again'), joins('c')),
      model(unlisted, 1, sweeping('sweep'), keeps, visits('c'), sweeping('sweep again', true)),
      model(abandoned, 1, sweeping('sweep'), sweeping('sweep again'), joins('b'), visits('c')),
    ],
    300,
  ),
  violated('fails when a chunk is removed whatever it holds', [joined], /its slot says/, [
    { within: 'MemoryStore.removeChunk', find: 'if (!isHeld) this.chunks.delete(', replace: 'this.chunks.delete(' },
  ]),
  violated(
    'fails when a sweep reads which networks keep an address before the address',
    [kept],
    /is kept by a network, and is free/,
    [
      {
        within: 'sweepChunks',
        find: '      if (await freeExactly(deps, IN_PLACE_OF_HOST, ref, place, value)) report[kind]++;',
        replace:
          '      const [now] = await deps.store.readChunks(generation, place.chunk, place.chunk);\n      if (await freeExactly(deps, IN_PLACE_OF_HOST, ref, place, now?.slots[place.slot] ?? value)) report[kind]++;',
      },
    ],
  ),
  violated('fails when a tombstone is removed without a second look', [ended], /the lease .* leaks/, [
    {
      within: 'sweepTombstones',
      find: '  const freed = await freeOrphans(deps, IN_PLACE_OF_HOST, first, names, deadline);\n',
      replace: '  const freed = [freeOrphans, names].length - 2;\n',
    },
  ]),
];
