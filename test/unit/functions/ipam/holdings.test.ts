/** What a host holds, as the table tells it: its networks, and what they lease. */
import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { parse } from 'valibot';
import { beginningsOf, holdingsOf, networksOf } from '../../../../functions/ipam/recovery/holdings.ts';
import { encodeSlot } from '../../../../functions/ipam/slot.ts';
import { holdingsMessage } from '../../../../protocol/host-messages.ts';
import { ip } from '../../../support/addresses.ts';
import { Host, lone, withMac } from '../../../support/fleet.ts';

const SUBNET = '10.1.0.0/24';
const mac = (last: number) => `02:00:00:00:00:0${last}`;

describe("the list of a host's networks", () => {
  it('has its networks, and what they lease', async () => {
    const { deps, host: a } = lone();
    const [one, two] = [await a.pool({ pool: SUBNET }), await a.pool({ pool: 'fd00:1::/64', v6: true })];
    const lease = await a.address(one, '', withMac(mac(1)));
    const wide = await a.address(two, '', withMac(mac(2)));
    const other = await new Host(deps, 'b').pool({ pool: SUBNET });
    const theirs = await new Host(deps, 'b').address(other, '', withMac(mac(3)));
    const { networks, next } = await networksOf(deps, a.call());
    assert.equal(next, undefined);
    assert.deepEqual(networks.map(({ ref }) => ref.cidr.prefix).sort(), [24, 64]);
    const look = async (poolId: string, addresses: string[] = []) =>
      holdingsOf(deps, a.call(), { poolId, addresses: addresses.map(ip), from: 0n });
    const narrow = await look(one.poolId, [lease, theirs, '10.1.0.77', '10.9.9.9']);
    assert.deepEqual(
      narrow.leases.map(({ address }) => address),
      [ip(lease)],
    );
    assert.deepEqual(
      narrow.others.map(({ address }) => address),
      [ip(theirs)],
    );
    assert.deepEqual((await look(one.poolId)).leases, narrow.leases);
    assert.ok(networks.some(({ key }) => key === narrow.key));
    for (const asked of [[], [wide]]) {
      assert.deepEqual(
        (await look(two.poolId, asked)).leases.map(({ address }) => address),
        [ip(wide)],
      );
    }
  });

  it('leaves out the networks that the host knows, without reading them', async () => {
    const { deps, host: a } = lone();
    for (const pool of [SUBNET, '10.2.0.0/24']) await a.pool({ pool });
    const [one, two] = (await networksOf(deps, a.call())).networks;
    const read = mock.method(deps.store, 'readRefs');
    const { networks } = await networksOf(deps, a.call(), { known: [one?.key ?? ''] });
    assert.deepEqual(networks, [two]);
    assert.deepEqual(
      read.mock.calls.map(({ arguments: [refs] }) => refs.length),
      [1],
    );
  });

  it('continues page by page in a pool of many addresses', async () => {
    const { deps, host: a } = lone();
    const net = await a.pool({ pool: '10.0.0.0/16' });
    const leases = [];
    for (let i = 0; i < 20; i++) leases.push(ip(await a.address(net, '', withMac(`02:00:00:00:01:${String(10 + i)}`))));
    const found = [];
    let from: bigint | undefined = 0n;
    let pages = 0;
    while (from !== undefined) {
      const page: Awaited<ReturnType<typeof holdingsOf>> = await holdingsOf(deps, a.call(), {
        poolId: net.poolId,
        from,
      });
      found.push(...page.leases.map(({ address }) => address.value));
      from = page.next;
      pages++;
    }
    assert.equal(pages, 4);
    assert.deepEqual(found.sort(), leases.map(({ value }) => value).sort());
  });
});

describe('the beginnings of several networks', () => {
  it('are in the order of the question, and the same as one by one', async () => {
    const { deps, host: a } = lone();
    const nets = [];
    for (let i = 0; i < 40; i++) nets.push(await a.pool({ pool: `10.1.${i}.0/24` }));
    for (const [i, net] of nets.entries()) await a.address(net, '', withMac(mac(1 + (i % 9))));
    const poolIds = nets.map(({ poolId }) => poolId);
    const alone = [];
    for (const poolId of poolIds) alone.push(await holdingsOf(deps, a.call(), { poolId }));
    assert.deepEqual(await beginningsOf(deps, a.call(), poolIds), { holdings: alone, failures: [] });
  });

  it('are one group of each, and say where the rest begins', async () => {
    const { deps, host: a } = lone();
    const net = await a.pool({ pool: '10.0.0.0/16' });
    for (const address of ['10.0.0.2', '10.0.4.2']) await a.address(net, address, withMac(mac(1)));
    const [told] = (await beginningsOf(deps, a.call(), [net.poolId])).holdings;
    assert.deepEqual(
      told?.leases.map(({ address }) => address),
      [ip('10.0.0.2')],
    );
    const rest = await holdingsOf(deps, a.call(), { poolId: net.poolId, from: told.next ?? 0n });
    assert.deepEqual(
      rest.leases.map(({ address }) => address),
      [ip('10.0.4.2')],
    );
  });

  it('are all of a large pool, whose lowest group and home are read at once', async () => {
    const { deps, host: a } = lone();
    const { poolId, pool } = await a.pool({ pool: 'fd00:1::/64', v6: true });
    const lease = await a.address({ poolId, pool }, '', withMac(mac(1)));
    const [told] = (await beginningsOf(deps, a.call(), [poolId])).holdings;
    assert.deepEqual([told?.leases.map(({ address }) => address), told?.next], [[ip(lease)], undefined]);
  });

  for (const pool of ['8000::/1', '1000::/24', '2000::/25']) {
    it(`are continued with a message that is read, in ${pool}`, async () => {
      const { deps, host: a } = lone();
      deps.store.spaces.set('default', { settings: { widest6: 0, givenOutside: true }, rev: 'one' });
      const { poolId } = await a.pool({ pool, v6: true });
      const lease = await a.address({ poolId, pool }, '', withMac(mac(1)));
      const first = await holdingsOf(deps, a.call(), { poolId, maxGroups: 1 });
      assert.deepEqual(first.leases, [], 'the lowest group comes first');
      const { After: from } = parse(holdingsMessage, { PoolID: poolId, After: first.next?.toString() });
      assert.ok(from !== null && from === first.next && from > 10n ** 28n, String(from));
      assert.deepEqual(
        (await holdingsOf(deps, a.call(), { poolId, from })).leases.map(({ address }) => address),
        [ip(lease)],
      );
    });
  }

  it('end early when the answer is long, and each is complete', async () => {
    const { deps, host: a } = lone();
    const { poolId } = await a.pool({ pool: '10.1.0.0/24' });
    const ref = poolId.split(',')[5] ?? '';
    const lease = encodeSlot({ kind: 'leased', ref, requestKey: a.call().requestKey, mac: '', name: 'web' });
    const slots = Array.from({ length: 16 }, () => lease);
    mock.method(deps.store, 'readChunks', () =>
      Promise.resolve(Array.from({ length: 64 }, (_, i) => ({ index: BigInt(i), slots, stickies: [] }))),
    );
    const { holdings } = await beginningsOf(deps, a.call(), Array<string>(60).fill(poolId));
    assert.deepEqual(
      holdings.map(({ leases }) => leases.length),
      [1_024, 1_024, 1_024, 1_024],
    );
  });

  /** A host with many networks. @returns their PoolIDs, and what each holds. */
  async function many() {
    const { deps, host: a } = lone();
    const poolIds: string[] = [];
    for (let i = 0; i < 60; i++) poolIds.push((await a.pool({ pool: `10.1.${i}.0/24` })).poolId);
    const { holdings } = await beginningsOf(deps, a.call(), poolIds);
    return { deps, a, poolIds, holdings, refOf: (at: number) => poolIds[at]?.split(',')[5] };
  }

  it('end before the first network that cannot be read, say why, and begin no others', async () => {
    const { deps, a, poolIds, holdings, refOf } = await many();
    const readRef = deps.store.readRef.bind(deps.store);
    const asked = new Set<string>();
    deps.store.readRef = (generation, name) => {
      asked.add(name);
      return name === refOf(5) || name === refOf(8)
        ? Promise.reject(new Error(`no ${name}`))
        : readRef(generation, name);
    };
    const cut = await beginningsOf(deps, a.call(), poolIds);
    assert.deepEqual(cut.holdings, holdings.slice(0, 5));
    assert.deepEqual(
      cut.failures.map(({ poolId, error }) => [poolId, String(error)]),
      [5, 8].map((at) => [poolIds[at], `Error: no ${refOf(at)}`]),
    );
    assert.ok(asked.size < 40, String(asked.size));
    const rest = await beginningsOf(deps, a.call(), poolIds.slice(9));
    assert.deepEqual(rest, { holdings: holdings.slice(9), failures: [] });
  });

  it('end seconds before the deadline of the call, and each is complete', async () => {
    const { deps, a, poolIds, holdings } = await many();
    const readChunks = deps.store.readChunks.bind(deps.store);
    deps.store.readChunks = (...range) => {
      deps.world.advance(100);
      return readChunks(...range);
    };
    const call = a.call({ deadline: deps.world.now() + 4_000 });
    const cut = await beginningsOf(deps, call, poolIds);
    assert.ok(cut.holdings.length > 0 && cut.holdings.length < poolIds.length, String(cut.holdings.length));
    assert.deepEqual(cut, { holdings: holdings.slice(0, cut.holdings.length), failures: [] });
    deps.world.advance(call.deadline - 3_000 - deps.world.now());
    assert.deepEqual(await beginningsOf(deps, call, poolIds), { holdings: [], failures: [] });
  });
});
