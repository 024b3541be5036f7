/** The hosts' function as it is deployed, over an embedded engine: a host asks what it holds, and revives what it held. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as v from 'valibot';
import type { Handler } from '../../../functions/lambda/handler.ts';
import { type EngineStore, engineStore, useTable } from '../../support/engine-store.ts';
import { CALL_HEADERS, answerOf, captureLog, contextWith, eventOf, refusalOf } from './lambda/event.ts';

let engine: EngineStore;
let handlers: Readonly<Record<'hosts' | 'pools' | 'addresses', Handler>>;
/** A network with one lease, and the key that it was asked for with; the other host shares its subnet. */
let poolId: string;
let address: string;
let key: string;
let others: string;

before(async () => {
  engine = await engineStore();
  useTable(engine);
  const [hosts, pools, addresses] = await Promise.all([
    import('../../../functions/hosts.ts'),
    import('../../../functions/pools.ts'),
    import('../../../functions/addresses.ts'),
  ]);
  handlers = { hosts: hosts.handler, pools: pools.handler, addresses: addresses.handler };
  for (const host of ['web-1', 'web-2']) {
    answerOf(await call('hosts', '/Berth.Register', { Proposed: 'nonce-first', ShimVersion: '1' }, host));
  }
  poolId = await newNetwork('web-1');
  address = await newLease(poolId, 'web-1', '02:00:00:00:00:01');
  key = lastKey;
  others = await newLease(await newNetwork('web-2'), 'web-2', '02:00:00:00:00:02');
});
after(() => engine.close());

let calls = Date.UTC(2026, 0, 1);
let lastKey = '';

const call = async (name: keyof typeof handlers, path: string, message: object, host = 'web-1') => {
  lastKey = `${(calls += 1).toString(36).padStart(9, '0')}test`;
  const headers = { ...CALL_HEADERS, 'berth-host': host, 'berth-request': lastKey };
  return handlers[name](eventOf(path, { body: JSON.stringify(message), headers }), contextWith(10_000));
};
const ask = (path: string, message: object) => call('hosts', path, message);

async function newNetwork(host: string): Promise<string> {
  const wish = { AddressSpace: 'default', Pool: '10.1.0.0/24' };
  return String(answerOf(await call('pools', '/IpamDriver.RequestPool', wish, host)).body['PoolID']);
}

async function newLease(PoolID: string, host: string, mac: string): Promise<string> {
  const wish = { PoolID, Options: { 'com.docker.network.endpoint.macaddress': mac } };
  const { body } = answerOf(await call('addresses', '/IpamDriver.RequestAddress', wish, host));
  return String(body['Address']).replace('/24', '');
}

const network = () => poolId.split(',').slice(4, 6).join('.');

const networksAnswer = v.strictObject({
  Networks: v.tuple([v.strictObject({ PoolID: v.string(), Network: v.string(), Pool: v.string(), State: v.string() })]),
  Next: v.unknown(),
});

describe('a host', () => {
  it('receives the list of its networks', async () => {
    const { status, body } = answerOf(await ask('/Berth.Networks', { After: null }));
    const { Networks, Next } = v.parse(networksAnswer, body);
    assert.deepEqual([status, Next], [200, null]);
    const [{ PoolID, ...only }] = Networks;
    assert.deepEqual(only, { Network: network(), Pool: '10.1.0.0/24', State: 'live' });
    const again = answerOf(await ask('/Berth.Holdings', { PoolID }));
    assert.equal(again.body['Network'], network(), 'the PoolID in the list identifies the same network');
  });

  it('receives its leases, and the holder of each address that it does not have', async () => {
    const answer = await ask('/Berth.Holdings', { PoolID: poolId });
    const held = { Network: network(), Pool: '10.1.0.0/24', Plan: false, State: 'live', Former: false, Next: null };
    assert.deepEqual(answerOf(answer), {
      status: 200,
      body: { ...held, Leases: [{ Address: address, Key: key }], Others: [], Further: [] },
    });
    const some = answerOf(await ask('/Berth.Holdings', { PoolID: poolId, Addresses: [others, '10.1.0.200'] }));
    const { Others, ...rest } = some.body;
    assert.deepEqual(rest, { ...held, Leases: [], Further: [] });
    assert.match(JSON.stringify(Others), new RegExp(`^\\[{"Address":"${others}","Holder":"held by .* of host web-2 `));
  });

  it('receives the leases of several networks in one answer, and a list without those that it knows', async () => {
    const Further = [poolId, poolId];
    const { Further: further, ...first } = answerOf(await ask('/Berth.Holdings', { PoolID: poolId, Further })).body;
    assert.deepEqual(further, [first, first]);
    const { body } = answerOf(await ask('/Berth.Networks', { After: null, Known: [network(), 'unknown'] }));
    assert.deepEqual(body, { Networks: [], Next: null });
  });

  it('receives what comes before a network that cannot be read, and the log says why', async (t) => {
    const lines = captureLog(t);
    const { body } = answerOf(await ask('/Berth.Holdings', { PoolID: poolId, Further: [poolId, 'x', poolId] }));
    const { Further, ...first } = body;
    assert.deepEqual(Further, [first]);
    assert.deepEqual(
      lines.map(({ error, ...line }) => ({ ...line, isTold: /foreign|pool id/.test(JSON.stringify(error)) })),
      [
        {
          ...{ level: 'error', message: 'network left out of an answer', isTold: true },
          ...{ host: 'web-1', request: lastKey, pool: 'x' },
        },
      ],
    );
  });

  it('revives what it held, and the revival is logged', async (t) => {
    await call('pools', '/IpamDriver.ReleasePool', { PoolID: poolId });
    assert.equal(answerOf(await ask('/Berth.Holdings', { PoolID: poolId })).body['State'], 'gone');
    const lines = captureLog(t);
    const endpoint = { Address: address, MacAddress: '02:00:00:00:00:01', Name: 'web' };
    const lost = { Address: others, MacAddress: '', Name: '' };
    const message = { PoolID: poolId, Gateway: '10.1.0.1', Reserved: ['10.1.0.9'] };
    const first = answerOf(await ask('/Berth.Revive', { ...message, Held: [endpoint], Last: false }));
    assert.deepEqual(first.body, { State: 'reviving', Taken: [] });
    const { body } = answerOf(await ask('/Berth.Revive', { ...message, Held: [lost], Last: true }));
    assert.equal(body['State'], 'live');
    assert.match(JSON.stringify(body['Taken']), new RegExp(`^\\[{"Address":"${others}","Holder":"held by .* of host`));
    const about = { level: 'warn', message: 'network revived', host: 'web-1', pool: poolId, held: 1 };
    assert.deepEqual(lines, [
      { ...about, state: 'reviving', taken: [] },
      { ...about, state: 'live', taken: body['Taken'] },
    ]);
    const held = answerOf(await ask('/Berth.Holdings', { PoolID: poolId, Addresses: [address, '10.1.0.1'] })).body;
    assert.match(JSON.stringify(held['Leases']), new RegExp(`^\\[{"Address":"${address}","Key":"\\w{9}test"}\\]$`));
    assert.match(JSON.stringify(held['Others']), /^\[{"Address":"10\.1\.0\.1","Holder":"reserved as a gateway/);
  });

  const revival = { Gateway: null, Reserved: [], Held: [], Last: true };
  for (const [what, path, message, code] of [
    ['an invalid cursor', '/Berth.Networks', { After: { generation: 'x' } }, 'invalid-request'],
    ['an invalid PoolID', '/Berth.Holdings', { PoolID: 'x' }, 'foreign-pool'],
    ['an invalid PoolID among others', '/Berth.Holdings', { PoolID: 'x', Further: ['x'] }, 'foreign-pool'],
    ['too many PoolIDs', '/Berth.Holdings', { PoolID: 'x', Further: Array(64).fill('x') }, 'invalid-request'],
    ['an invalid address', '/Berth.Holdings', { PoolID: 'x', Addresses: ['10.1'] }, 'invalid-request'],
    ['a revival without a PoolID', '/Berth.Revive', revival, 'invalid-request'],
    ['a revival of an invalid PoolID', '/Berth.Revive', { ...revival, PoolID: 'x' }, 'foreign-pool'],
  ] as const) {
    it(`is refused ${what}`, async (t) => {
      captureLog(t);
      assert.equal(refusalOf(await ask(path, message)), code);
    });
  }

  it("is refused another host's network, and the revival of an address that is not in its own", async (t) => {
    captureLog(t);
    const theirs = await newNetwork('web-2');
    for (const path of ['/Berth.Holdings', '/Berth.Revive']) {
      assert.equal(refusalOf(await ask(path, { ...revival, PoolID: theirs })), 'foreign-pool');
    }
    const outside = { ...revival, PoolID: poolId, Reserved: ['10.2.0.1'] };
    assert.equal(refusalOf(await ask('/Berth.Revive', outside)), 'out-of-range');
  });
});
