/** Pools that no search reads whole, such as an IPv6 /64: the addresses of a host lie together, and are found there. */
import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { freeOrphans } from '../../../../functions/ipam/addresses/orphans.ts';
import { automaticSpan, homeSpan } from '../../../../functions/ipam/addresses/region.ts';
import { CHUNK_SIZE, chunkOf } from '../../../../functions/ipam/chunk.ts';
import { reportDeath } from '../../../../functions/ipam/hosts/host-events.ts';
import { viewHost } from '../../../../functions/ipam/hosts/host-view.ts';
import { IN_PLACE_OF_HOST } from '../../../../functions/ipam/hosts/reclaim.ts';
import { decodePoolId, encodePoolId } from '../../../../functions/ipam/pool-id.ts';
import type { GrantedPool } from '../../../../functions/ipam/pools/request-pool.ts';
import { beginningsOf, holdingsOf, networksOf } from '../../../../functions/ipam/recovery/holdings.ts';
import type { Ref } from '../../../../functions/ipam/ref.ts';
import { decodeSlot, encodeSlot } from '../../../../functions/ipam/slot.ts';
import { sweep } from '../../../../functions/ipam/sweep/sweep.ts';
import { formatAddress } from '../../../../protocol/address.ts';
import { ip } from '../../../support/addresses.ts';
import { Host, MAC, type PoolWish, pair, withMac } from '../../../support/fleet.ts';
import { chance } from '../../../support/interleaving.ts';
import { withoutFailures } from '../../../support/whole-sweep.ts';

const LARGE: readonly (readonly [string, PoolWish])[] = [
  ['IPv6 /64', { pool: 'fd00:1::/64', v6: true }],
  ['IPv6 /64 with an --ip-range', { pool: 'fd00:1::/64', subPool: 'fd00:1::8000:0:0/100', v6: true }],
  ['IPv6 /32', { pool: 'fd00:1::/32', v6: true }],
  ['IPv6 /64 in serial order', { pool: 'fd00:1::/64', v6: true, options: { 'berth.order': 'serial' } }],
  ['IPv4 /12', { pool: '10.16.0.0/12' }],
];

/** Two hosts with a network each on one large pool. */
async function stage(wish: PoolWish) {
  const { deps, one, other } = pair();
  for (const host of [one, other]) await host.register();
  const [net, beside] = [await one.pool(wish), await other.pool(wish)];
  /** How many addresses a network leases, wherever they are. */
  const leased = ({ poolId }: GrantedPool): number =>
    [...deps.store.chunks.values()]
      .flatMap(({ slots }) => slots.map((slot) => decodeSlot(slot)))
      .filter((slot) => slot?.kind === 'leased' && poolId.includes(slot.ref)).length;
  const sweepAll = () => withoutFailures(sweep(deps, { deadline: Infinity, limit: 10_000, cursor: undefined }));
  /** The first chunk of the home that a host has on its network. */
  function homeOf(host: Host, { poolId }: GrantedPool): bigint {
    const id = decodePoolId(deps.world, poolId, host.call());
    const span = automaticSpan(id);
    assert.ok(span);
    return chunkOf(homeSpan(deps.world, id.ref, span).first);
  }
  /** Leases chunks of the pool to a network that nobody asks about. */
  async function occupy(from: bigint, count: number): Promise<void> {
    const { generation } = decodePoolId(deps.world, net.poolId, one.call());
    for (let i = 0; i < count * CHUNK_SIZE; i++) {
      const place = { generation, chunk: from + BigInt(Math.floor(i / CHUNK_SIZE)), slot: i % CHUNK_SIZE };
      await deps.store.writeSlot(place, STRANGERS, undefined, { kind: 'exactly', value: undefined });
    }
  }
  return { deps, one, other, net, beside, leased, sweepAll, homeOf, occupy };
}

const STRANGERS = encodeSlot({ kind: 'leased', ref: 'strangerabcdef', requestKey: '0'.repeat(13), mac: '', name: '' });

type Stage = Awaited<ReturnType<typeof stage>>;

async function addressesOf(host: Host, net: GrantedPool, count: number): Promise<bigint[]> {
  const given = [];
  for (let i = 0; i < count; i++) given.push(ip(await host.address(net, '', withMac(macOf(i)))).value);
  return given.sort();
}

const macOf = (i: number): string => `02:00:00:00:${hex(i >> 8)}:${hex(i & 255)}`;
const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

const groupOf = (address: bigint): bigint => address / 1_024n;

for (const [what, wish] of LARGE) {
  describe(`a large pool, ${what}`, () => {
    it('has the addresses of a host together, and lists them', async () => {
      const { deps, one, other, net, beside } = await stage(wish);
      const own = await addressesOf(one, net, 50);
      await addressesOf(other, beside, 5);
      assert.equal(new Set(own.map(groupOf)).size, 1);
      const { leases } = await holdingsOf(deps, one.call(), { poolId: net.poolId });
      assert.deepEqual(leases.map(({ address }) => address.value).sort(), own);
      assert.equal((await viewHost(deps, 'a'))?.networks[0]?.addresses.count, 50);
    });

    it('is freed of a dead host at once, and keeps what others hold', async () => {
      const { deps, one, other, net, beside, leased } = await stage(wish);
      await addressesOf(one, net, 50);
      await addressesOf(other, beside, 5);
      await reportDeath(deps, 'a', 'test', Infinity);
      assert.deepEqual([leased(net), leased(beside)], [0, 5]);
    });
  });
}

describe('a home that is full', () => {
  it('is used up before its host goes on to the next group', async () => {
    const { one, net, homeOf, occupy } = await stage({ pool: 'fd00:1::/64', v6: true });
    const home = homeOf(one, net);
    await occupy(home, 63);
    const own = await addressesOf(one, net, 17);
    assert.equal(own.filter((address) => chunkOf(address - ip('fd00:1::').value) === home + 63n).length, 16);
  });

  it('is followed by the groups behind it, which are listed and freed, too', async () => {
    const { deps, one, net, leased } = await stage({ pool: 'fd00:1::/64', v6: true });
    const own = await addressesOf(one, net, 1_200);
    assert.equal(new Set(own.map(groupOf)).size, 2);
    const { leases, next } = await holdingsOf(deps, one.call(), { poolId: net.poolId });
    assert.deepEqual([leases.length, next], [1_200, undefined]);
    const [beginning] = (await beginningsOf(deps, one.call(), [net.poolId])).holdings;
    const rest = await holdingsOf(deps, one.call(), { poolId: net.poolId, from: beginning?.next ?? 0n });
    assert.equal((beginning?.leases.length ?? 0) + rest.leases.length, 1_200);
    await reportDeath(deps, 'a', 'test', Infinity);
    assert.equal(leased(net), 0);
  });
});

/** A host has to find all that it leases: in a list, page by page, in the view of an operator, and to free it. */
async function findsAll({ deps, one, net, leased }: Stage, own: readonly bigint[]): Promise<void> {
  const { ref } = decodePoolId(deps.world, net.poolId, one.call());
  const listed = (await networksOf(deps, one.call())).networks.find((network) => network.ref.name === ref);
  assert.ok(listed);
  for (const { poolId } of [net, listed]) {
    const whole = await holdingsOf(deps, one.call(), { poolId });
    assert.deepEqual(whole.leases.map(({ address }) => address.value).sort(), own);
    const paged = [];
    for (let from: bigint | undefined = 0n; from !== undefined;) {
      const page: Awaited<ReturnType<typeof holdingsOf>> = await holdingsOf(deps, one.call(), {
        poolId,
        from,
        maxGroups: 1,
      });
      paged.push(...page.leases.map(({ address }) => address.value));
      from = page.next;
    }
    assert.deepEqual(paged.sort(), own);
  }
  const counts = (await viewHost(deps, 'a'))?.networks.map(({ addresses }) => addresses.count);
  assert.ok(counts?.includes(own.length), counts?.join());
  await reportDeath(deps, 'a', 'test', Infinity);
  assert.equal(leased(net), 0);
}

describe('all that a host leases in a large pool is found', () => {
  const wish: PoolWish = { pool: 'fd00:1::/64', v6: true };

  it('when it went on to the next group, and released all that it had before', async () => {
    const at = await stage(wish);
    const home = at.homeOf(at.one, at.net);
    await at.occupy(home, 63);
    const own = await addressesOf(at.one, at.net, 18);
    const isInHome = (address: bigint): boolean => chunkOf(address - ip('fd00:1::').value) < home + 64n;
    for (const address of own.filter(isInHome))
      await at.one.release(at.net, formatAddress({ family: 6, value: address }));
    const left = own.filter((address) => !isInHome(address));
    assert.equal(left.length, 2);
    await findsAll(at, left);
  });

  it('when the network was taken up again after the unused chunks of its pool had been removed', async () => {
    const at = await stage(wish);
    const home = at.homeOf(at.one, at.net);
    await at.occupy(home, 63);
    const own = await addressesOf(at.one, at.net, 18);
    for (const [key, { index }] of at.deps.store.chunks) if (index < home + 63n) at.deps.store.chunks.delete(key);
    await findsAll(at, own);
  });

  it('when others have used up its home and groups behind it', async () => {
    const at = await stage(wish);
    await at.occupy(at.homeOf(at.one, at.net), 6 * 64);
    await findsAll(at, await addressesOf(at.one, at.net, 3));
  });

  it('when two of its networks share its home', async () => {
    const at = await stage(wish);
    const second = await at.one.pool(wish);
    await at.occupy(at.homeOf(at.one, at.net), 63);
    await addressesOf(at.one, second, 16);
    await findsAll(at, await addressesOf(at.one, at.net, 3));
  });

  it('when addresses are chosen in serial order, and others have the lowest ones', async () => {
    const at = await stage({ ...wish, options: { 'berth.order': 'serial' } });
    await at.occupy(1n, 2 * 64);
    const own = await addressesOf(at.one, at.net, 40);
    assert.equal(new Set(own.map(groupOf)).size, 2);
    await findsAll(at, own);
  });

  it('when it went on from the last group to the first, each address once', async () => {
    const at = await stage({ ...wish, subPool: 'fd00:1::8000:0:0/116' });
    const home = at.homeOf(at.one, at.net);
    const low = chunkOf(ip('fd00:1::8000:0:0').value - ip('fd00:1::').value);
    assert.ok(home > low);
    await at.occupy(home, Number(low + 4n * 64n - home) - 1);
    const own = await addressesOf(at.one, at.net, 20);
    assert.equal(new Set(own.map(groupOf)).size, 2);
    await findsAll(at, own);
  });
});

describe('a crowded large pool', () => {
  it('lists what each host leases, whatever they request and release', async () => {
    const wish = { pool: 'fd00:1::/64', subPool: 'fd00:1::8000:0:0/116', v6: true };
    const { deps, one, other, net, beside, occupy } = await stage(wish);
    const serial = await one.pool({ ...wish, options: { 'berth.order': 'serial' } });
    const low = chunkOf(ip('fd00:1::8000:0:0').value - ip('fd00:1::').value);
    // Sixteen addresses are left in each of its four groups.
    for (let group = 0n; group < 4n; group++) await occupy(low + group * 64n, 63);
    const none: readonly string[] = [];
    const users = [
      { host: one, net, held: [...none] },
      { host: other, net: beside, held: [...none] },
      { host: one, net: serial, held: [...none] },
    ];
    const random = chance(7);
    const groups = new Set<string>();
    for (let step = 0; step < 150; step++) {
      const user = users[step % 3] ?? assert.fail();
      const isFull = users.reduce((sum, { held }) => sum + held.length, 0) === 64;
      const [leaving] = random() < 0.3 || isFull ? user.held.splice(Math.floor(random() * user.held.length), 1) : [];
      if (leaving !== undefined) await user.host.release(user.net, leaving);
      else if (!isFull) user.held.push(await user.host.address(user.net, '', withMac(macOf(step))));
      deps.world.advance(Math.floor(random() * 10_000));
      const { leases } = await holdingsOf(deps, user.host.call(), { poolId: user.net.poolId });
      assert.deepEqual(leases.map(({ address }) => formatAddress(address)).sort(), user.held.toSorted());
      for (const { address } of leases) groups.add(`${step % 3} ${groupOf(address.value)}`);
    }
    assert.ok(groups.size > 6, `${groups.size} groups`);
  });
});

describe('what ended networks of a large pool lease', () => {
  it('is freed with one read of each group, several at a time', async () => {
    const { deps, one, other, net } = await stage({ pool: 'fd00:1::/64', v6: true });
    const wish = { pool: 'fd00:1::/64', v6: true };
    const hosts = [one, one, one, other, other, ...['c', 'd', 'e', 'f'].map((id) => new Host(deps, id))];
    const ended: Ref[] = [];
    for (const host of hosts) {
      const { poolId } = await host.pool(wish);
      const { generation, ref } = decodePoolId(deps.world, poolId, host.call());
      await host.address({ ...net, poolId }, '', MAC);
      await deps.store.endRef(generation, ref, deps.world.now());
      ended.push((await deps.store.readRef(generation, ref)) ?? assert.fail());
    }
    const read: bigint[] = [];
    let [now, most] = [0, 0];
    const readChunks = deps.store.readChunks.bind(deps.store);
    mock.method(deps.store, 'readChunks', async (generation: string, first: bigint, last: bigint) => {
      read.push(first);
      most = Math.max(most, ++now);
      const chunks = await readChunks(generation, first, last);
      now--;
      return chunks;
    });
    assert.equal(await freeOrphans(deps, IN_PLACE_OF_HOST, ended), hosts.length);
    assert.deepEqual(read, [...new Set(read)]);
    assert.ok(most > 1);
  });
});

describe('a large pool', () => {
  it('gives an endpoint that returns its former address, and a repeated request the same one', async () => {
    const { one, net } = await stage({ pool: 'fd00:1::/64', v6: true });
    const call = one.call();
    const first = await one.address(net, '', MAC, call);
    assert.equal(await one.address(net, '', MAC, { ...call, attempt: 2 }), first);
    await one.release(net, first);
    assert.equal(await one.address(net, '', MAC), first);
  });

  it('lists what its host has when the table names the network', async () => {
    const { deps, one, net } = await stage({ pool: 'fd00:1::/64', v6: true });
    await addressesOf(one, net, 3);
    const [listed] = (await networksOf(deps, one.call())).networks;
    const { leases } = await holdingsOf(deps, one.call(), { poolId: listed?.poolId ?? '' });
    assert.equal(leases.length, 3);
  });

  it('is freed of an address that a user chose by the next walk', async () => {
    const { deps, one, net, leased, sweepAll } = await stage({ pool: 'fd00:1::/64', v6: true });
    await one.address(net, 'fd00:1::dead:beef', MAC);
    await reportDeath(deps, 'a', 'test', Infinity);
    assert.equal(leased(net), 1);
    await sweepAll();
    assert.equal(leased(net), 0);
  });

  it('of an earlier version of Berth continues to spread addresses', async () => {
    const { deps, one, net } = await stage({ pool: 'fd00:1::/64', v6: true });
    const id = decodePoolId(deps.world, net.poolId, one.call());
    const former = { ...net, poolId: encodePoolId(deps.world, { ...id, order: 'spread' }, undefined) };
    const given = await addressesOf(one, former, 5);
    assert.equal(new Set(given.map(groupOf)).size, 5);
  });
});
