/** The limits of a space: what they refuse, what a refused call leaves behind, and what they cost. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reportDrain } from '../../../../functions/ipam/hosts/host-events.ts';
import { Refusal } from '../../../../functions/ipam/refusal.ts';
import type { SpaceSettings } from '../../../../functions/ipam/space.ts';
import type { Store } from '../../../../functions/ipam/store.ts';
import { cidr } from '../../../support/addresses.ts';
import { Host, type PoolWish, fleet, refused, GATEWAY, withMac } from '../../../support/fleet.ts';
import { chance, interleaved } from '../../../support/interleaving.ts';
import { MemoryStore } from '../../../support/memory-store.ts';
import { testWorld } from '../../../support/world.ts';

async function limited(settings: SpaceSettings) {
  const deps = fleet();
  await deps.store.writeSpace('default', settings, undefined);
  return deps;
}

const liveRefs = ({ refs }: MemoryStore): number => [...refs.values()].filter(({ state }) => state !== 'gone').length;

describe('a space with a limit of pools', () => {
  const words =
    /^space default may hold 2 IPv4 pools, and all of them are taken; .*berth space set default --max-pools/;

  it('grants as many pools as the limit, given or automatic, and refuses the next with the limit and the remedy', async () => {
    const deps = await limited({ maxPools: 2 });
    const host = new Host(deps, 'a');
    const first = await host.pool({ pool: '10.1.0.0/24' });
    await host.pool();
    for (const wish of [{ pool: '10.2.0.0/24' }, {}, { options: { 'berth.name': 'ci' } }]) {
      await refused(host.pool(wish), 'limit-reached', words);
    }
    assert.deepEqual([deps.store.pools.size, liveRefs(deps.store), deps.store.names.size], [2, 2, 0]);
    await host.leave(first);
    await host.pool({ pool: '10.2.0.0/24' });
  });

  it('lets hosts join existing pools', async () => {
    const deps = await limited({ maxPools: 1 });
    await new Host(deps, 'a').pool({ pool: '10.1.0.0/24' });
    await new Host(deps, 'b').pool({ pool: '10.1.0.0/24' });
    assert.equal(liveRefs(deps.store), 2);
  });

  it('counts each family separately, and ignores other spaces', async () => {
    const deps = await limited({ maxPools: 1 });
    const host = new Host(deps, 'a');
    await host.pool({ space: 'other' });
    await host.pool();
    await host.pool({ v6: true });
    await refused(host.pool({ v6: true }), 'limit-reached', /may hold 1 IPv6 pools/);
  });

  it('counts the pools of all pages', async () => {
    const deps = await limited({ maxPools: 150 });
    const host = new Host(deps, 'a');
    for (let i = 0; i < 150; i++) await host.pool({ pool: `10.1.${i}.0/24` });
    await refused(host.pool(), 'limit-reached', /may hold 150 IPv4 pools/);
  });

  it('takes no pool at all when the limit is zero', async () => {
    await refused(new Host(await limited({ maxPools: 0 }), 'a').pool(), 'limit-reached', /may hold 0 IPv4 pools/);
  });

  it('keeps its pools when the limit is lowered', async () => {
    const deps = await limited({});
    const host = new Host(deps, 'a');
    const nets = [await host.pool(), await host.pool(), await host.pool()];
    await deps.store.writeSpace('default', { maxPools: 2 }, deps.store.spaces.get('default'));
    for (const net of nets) assert.match(await host.address(net), /^10\./);
    await refused(host.pool(), 'limit-reached', words);
  });

  it('clears an abandoned announcement, and counts one that is not abandoned', async () => {
    const deps = await limited({ maxPools: 1 });
    const rival = { space: 'default', createdBy: 'dead', gateway: undefined, cooldown: 1, exclusive: false };
    const announcedAt = deps.world.now();
    await deps.store.announcePool({ ...rival, announcedAt, cidr: cidr('10.9.0.0/24') });
    deps.world.advance(1);
    const host = new Host(deps, 'a');
    await refused(host.pool(), 'limit-reached', /may hold 1 IPv4 pools/);
    deps.world.advance(10_000);
    await host.pool();
    assert.equal(await deps.store.readPool('default', cidr('10.9.0.0/24')), undefined);
  });

  it('waits for younger announcements to give way, and says so if they do not', async () => {
    const deps = await limited({ maxPools: 1 });
    const rival = { space: 'default', createdBy: 'b', gateway: undefined, cooldown: 1, exclusive: false };
    const host = new Host(deps, 'a');
    const call = host.call({ deadline: deps.world.now() + 1_000 });
    await deps.store.announcePool({ ...rival, announcedAt: deps.world.now() + 500, cidr: cidr('10.9.0.0/24') });
    await refused(host.pool({ pool: '10.1.0.0/24' }, call), 'busy', /others are creating the last pools .*; try again/);
    assert.equal(deps.store.pools.size, 1);
  });
});

describe('concurrent callers', () => {
  const SEEDS = Array.from({ length: 300 }, (_, i) => i + 1);
  const MAX = 2;

  it('never exceed the limit of pools, reach it, and leave nothing of refused calls', async () => {
    let refusals = 0;
    for (const seed of SEEDS) {
      const memory = new MemoryStore();
      const check = (): void => {
        const confirmed = [...memory.pools.values()].filter(({ state }) => state !== 'pending').length;
        assert.ok(confirmed <= MAX, `seed ${seed}: ${confirmed} pools`);
      };
      // The clocks of the functions differ: the older announcement may come later.
      const [random, exact] = [chance(seed + 0.5), testWorld({ seed })];
      const world = { ...exact, now: () => exact.now() + Math.floor(random() * 100) };
      const deps = { store: interleaved(memory, seed, check), world };
      await memory.writeSpace('default', { maxPools: MAX, ranges: [cidr('10.0.0.0/16')] }, undefined);
      const ask = async (id: number): Promise<boolean> => {
        try {
          await new Host(deps, `h${id}`).pool(id % 2 === 0 ? {} : { pool: `10.9.${id}.0/24` });
          return true;
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          refusals++;
          return false;
        }
      };
      const granted = (await Promise.all([1, 2, 3, 4].map(ask))).filter(Boolean).length;
      assert.deepEqual([granted, memory.pools.size, liveRefs(memory)], [MAX, MAX, MAX], `seed ${seed}`);
    }
    assert.equal(refusals, SEEDS.length * 2);
  });
});

describe('a host with a limit of networks', () => {
  const words =
    /^host a may have 2 IPv4 networks in space default, and has reached that number, .*--max-networks-per-host NUMBER\)$/;

  it('gets as many networks as the limit and no more, whether it would create the pool or join it', async () => {
    const deps = await limited({ maxNetworksPerHost: 2 });
    const [host, other] = [new Host(deps, 'a'), new Host(deps, 'b')];
    await other.pool({ pool: '10.3.0.0/24' });
    const net = await host.pool({ pool: '10.1.0.0/24' });
    await host.pool();
    for (const wish of [{ pool: '10.2.0.0/24' }, {}, { pool: '10.3.0.0/24' }, { options: { 'berth.name': 'ci' } }]) {
      await refused(host.pool(wish), 'limit-reached', words);
    }
    assert.deepEqual([deps.store.pools.size, liveRefs(deps.store)], [3, 3]);
    await host.leave(net);
    await host.pool({ pool: '10.3.0.0/24' });
  });

  it('leaves no reservation on a pool that it may not join', async () => {
    const deps = await limited({ maxNetworksPerHost: 1 });
    const [host, other] = [new Host(deps, 'a'), new Host(deps, 'b')];
    const theirs = await other.pool({ pool: '10.3.0.0/24' });
    await other.address(theirs, '10.3.0.254', GATEWAY);
    await host.pool({ pool: '10.1.0.0/24' });
    await refused(host.pool({ pool: '10.3.0.0/24' }), 'limit-reached', /may have 1 IPv4 networks/);
    assert.equal(await other.address(theirs, '10.3.0.1', withMac('02:42:ac:11:00:02')), '10.3.0.1');
  });

  it('gets no network when the limit is zero', async () => {
    const deps = await limited({ maxNetworksPerHost: 0 });
    await refused(new Host(deps, 'a').pool(), 'limit-reached', /may have 0 IPv4 networks/);
    assert.equal(deps.store.pools.size, 0);
  });

  it('is limited per space and family, also while it drains', async () => {
    const deps = await limited({ maxNetworksPerHost: 1 });
    const host = new Host(deps, 'a');
    await host.pool({ space: 'other' });
    await host.pool();
    await host.pool({ v6: true });
    await reportDrain(deps, 'a', 'test');
    await refused(host.pool(), 'limit-reached', /may have 1 IPv4 networks/);
  });

  it('is limited over all pages, tombstones passed over', async () => {
    const deps = await limited({ maxNetworksPerHost: 30 });
    const host = new Host(deps, 'a');
    for (let i = 0; i < 40; i++) {
      const net = await host.pool({ pool: `10.1.${i}.0/24` });
      if (i % 4 === 0) await host.leave(net);
    }
    await refused(host.pool(), 'limit-reached', /may have 30 IPv4 networks/);
  });

  it('is not charged for what another attempt of the same call has left, since that is undone', async () => {
    const deps = await limited({ maxNetworksPerHost: 1 });
    const host = new Host(deps, 'a');
    const call = host.call();
    await host.pool({ pool: '10.1.0.0/24' }, call);
    await host.pool({ pool: '10.1.0.0/24' }, { ...call, attempt: 2 });
  });
});

describe('a space without limits', () => {
  it('counts nothing: the reads are the same as before', async () => {
    const reads = { pools: 0, hosts: 0 };
    const { store: memory, world } = fleet();
    const store = interleaved(memory, 1, () => undefined);
    const counting: Store = {
      ...store,
      poolsStartingIn: (...args) => (reads.pools++, store.poolsStartingIn(...args)),
      refsOfHost: (...args) => (reads.hosts++, store.refsOfHost(...args)),
    };
    await new Host({ store: counting, world }, 'a').pool({ pool: '10.1.0.0/24' });
    assert.deepEqual(reads, { pools: 1, hosts: 0 }, 'the look forward');
  });
});

describe('a space that holds far fewer pools than it may', () => {
  const MAX = 1_000;

  /** A function whose process counts pools, and another one. */
  async function counting() {
    const deps = await limited({ maxPools: MAX });
    let counts = 0;
    const { store } = deps;
    const poolsStartingIn = store.poolsStartingIn.bind(store);
    store.poolsStartingIn = (space, within, after) => {
      if (within.first === 0n) counts++;
      return poolsStartingIn(space, within, after);
    };
    const fresh = (): number => {
      const counted = counts;
      counts = 0;
      return counted;
    };
    let given = 0;
    const take = (host: Host, wish: PoolWish = {}) =>
      host.pool({ pool: `10.${given >> 8}.${given++ & 255}.0/24`, ...wish });
    return { deps, warm: new Host(deps, 'warm'), other: new Host(deps, 'other'), take, counts: fresh };
  }

  it('is counted once by each process while the fleet cannot fill it', async () => {
    const { deps, warm, other, take, counts } = await counting();
    await take(warm);
    assert.equal(counts(), 1);
    await take(warm);
    await warm.pool();
    assert.equal(counts(), 0);
    await take(other);
    assert.equal(counts(), 1);
    // Two a millisecond could have filled it, with the three pools that the process knows.
    deps.world.advance(497);
    await take(warm);
    assert.equal(counts(), 0);
    deps.world.advance(1);
    await take(warm);
    assert.equal(counts(), 1);
  });

  it('is counted by space and family, and again when the clock was set back', async () => {
    const { deps, warm, take, counts } = await counting();
    deps.store.spaces.set('team', { settings: { maxPools: MAX }, rev: 'one' });
    await take(warm);
    await take(warm, { space: 'team' });
    await warm.pool({ v6: true });
    assert.equal(counts(), 3);
    deps.world.advance(-1);
    await take(warm);
    assert.equal(counts(), 1);
  });

  it('is counted again for a limit that was lowered, and near any limit', async () => {
    const { deps, warm, take, counts } = await counting();
    await take(warm);
    counts();
    for (const maxPools of [3, 2]) {
      deps.store.spaces.set('default', { settings: { maxPools }, rev: 'one' });
      await take(warm).catch(() => undefined);
      assert.ok(counts() > 0, `${maxPools} pools`);
    }
    assert.equal(deps.store.pools.size, 2);
  });

  it('is filled by one process to the last pool and no further, if no time passes at all', async () => {
    const { deps, warm, take, counts } = await counting();
    deps.store.spaces.set('default', { settings: { maxPools: 40 }, rev: 'one' });
    for (let i = 0; i < 40; i++) await take(warm);
    await refused(take(warm), 'limit-reached', /may hold 40 IPv4 pools/);
    assert.ok(counts() < 20);
  });
});
