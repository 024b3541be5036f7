/** Pools that no search reads whole, such as an IPv6 /64: the addresses of a host lie together, and are found there. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reportDeath } from '../../../../functions/ipam/hosts/host-events.ts';
import { viewHost } from '../../../../functions/ipam/hosts/host-view.ts';
import { automaticSpan, homeSpan } from '../../../../functions/ipam/addresses/region.ts';
import { CHUNK_SIZE, chunkOf } from '../../../../functions/ipam/chunk.ts';
import { decodePoolId, encodePoolId } from '../../../../functions/ipam/pool-id.ts';
import type { GrantedPool } from '../../../../functions/ipam/pools/request-pool.ts';
import { decodeSlot, encodeSlot } from '../../../../functions/ipam/slot.ts';
import { sweep } from '../../../../functions/ipam/sweep/sweep.ts';
import { beginningsOf, holdingsOf, networksOf } from '../../../../functions/ipam/recovery/holdings.ts';
import { ip } from '../../../support/addresses.ts';
import { type Host, MAC, type PoolWish, pair, withMac } from '../../../support/fleet.ts';

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
  const sweepAll = () => sweep(deps, { deadline: Infinity, limit: 10_000, cursor: undefined });
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
    const [beginning] = await beginningsOf(deps, one.call(), [net.poolId]);
    const rest = await holdingsOf(deps, one.call(), { poolId: net.poolId, from: beginning?.next ?? 0n });
    assert.equal((beginning?.leases.length ?? 0) + rest.leases.length, 1_200);
    await reportDeath(deps, 'a', 'test', Infinity);
    assert.equal(leased(net), 0);
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
