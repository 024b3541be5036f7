import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import type { Driver } from '../../../protocol/methods.ts';
import type { Message } from '../../../shim/cloud/client.ts';
import { type Endpoint, parseEndpoint } from '../../../shim/endpoint.ts';
import { FunctionsClient } from '../../../shim/host/functions-client.ts';
import { Handshakes } from '../../../shim/host/handshake.ts';
import { Sequence } from '../../../shim/host/sequence.ts';
import { HEARD, addressOf, callOf, failureOf, poolOf } from './stand-ins.ts';
import { temporaryFolder } from './temporary.ts';

interface Asked {
  readonly place: string;
  readonly message: Message;
}

const handshakeText = JSON.stringify({
  Capabilities: { RequiresMACAddress: true, RequiresRequestReplay: false },
  AddressSpaces: { LocalDefaultAddressSpace: 'default', GlobalDefaultAddressSpace: 'global' },
  Functions: { Pools: 'unix:/run/pools', Addresses: 'unix:/run/addresses', Hosts: 'unix:/run/hosts' },
});

async function stage(t: TestContext, isKnown = true) {
  const data = await temporaryFolder(t);
  const asked: Asked[] = [];
  const ask = (endpoint: Endpoint, message: Message) => {
    asked.push({ place: endpoint.text, message });
    return Promise.resolve(HEARD);
  };
  const settings = { endpoint: parseEndpoint('unix:/run/c'), driver: 'berth', space: 'default' } as const;
  const says = isKnown ? { ...HEARD, text: handshakeText } : failureOf('away');
  const handshakes = await Handshakes.open(
    { ask: () => Promise.resolve(says) },
    { ...settings, folder: data, warn: () => undefined },
  );
  t.after(() => {
    handshakes.close();
  });
  let now = Date.UTC(2026, 0);
  const messenger = new FunctionsClient({
    hostId: 'host-1',
    cloud: { ask },
    handshakes: new Map<Driver, Handshakes>([['berth', handshakes]]),
    sequence: new Sequence(data, () => (now += 100_000)),
  });
  messenger.epoch = 7;
  return { messenger, asked, data };
}

describe('a message of this host', () => {
  const places = [
    ['RequestPool', 'unix:/run/pools'],
    ['ReleasePool', 'unix:/run/pools'],
    ['RequestAddress', 'unix:/run/addresses'],
    ['ReleaseAddress', 'unix:/run/addresses'],
  ] as const;
  for (const [method, place] of places) {
    it(`goes to the function that serves ${method}, the body unchanged, with the headers that the host adds`, async (t) => {
      const { messenger, asked } = await stage(t);
      const call = callOf(method, { PoolID: 'Zürich' });
      await messenger.attempt(call, 3, 4_999.9);
      const [{ place: where, message } = assert.fail()] = asked;
      assert.deepEqual([where, message.path, message.body.toString()], [place, `/IpamDriver.${method}`, call.body]);
      assert.partialDeepStrictEqual(message.headers, {
        'berth-host': 'host-1',
        'berth-epoch': '7',
        'berth-driver': 'berth',
        'berth-request': call.key,
        'berth-attempt': '3',
        'berth-remaining-ms': '4999',
      });
      for (const header of ['berth-routes', 'berth-nameservers', 'berth-addresses']) {
        assert.equal(header in message.headers, method === 'RequestPool');
      }
    });
  }

  it('of a driver that is no longer served goes to the functions of another driver', async (t) => {
    const { messenger, asked } = await stage(t);
    await messenger.release({ ...callOf('ReleasePool', { PoolID: 'p' }), driver: 'berth-ipvlan' }, 100_000);
    const [{ place, message } = assert.fail()] = asked;
    assert.equal(place, 'unix:/run/pools');
    assert.partialDeepStrictEqual(message.headers, { 'berth-driver': 'berth-ipvlan', 'berth-attempt': '1000' });
  });

  it('that settles a call carries the call, and has a key of its own', async (t) => {
    const { messenger, asked } = await stage(t);
    const call = addressOf('p');
    await messenger.settle(call, '10.0.0.2');
    await messenger.settle(call, undefined);
    const bodies = asked.map(({ message }): unknown => JSON.parse(message.body.toString()));
    const common = { Method: 'RequestAddress', RequestKey: call.key, Request: { PoolID: 'p', Address: '' } };
    assert.deepEqual(bodies, [
      { ...common, Keep: '10.0.0.2' },
      { ...common, Keep: null },
    ]);
    const keys = asked.map(({ message }) => message.headers['berth-request']);
    assert.equal(new Set([...keys, call.key]).size, 3);
    assert.ok(asked.every(({ place, message }) => place === 'unix:/run/hosts' && message.path === '/Berth.Settle'));
  });

  it('that it sends itself goes out also while the disk is full', async (t) => {
    const { messenger, asked, data } = await stage(t);
    mkdirSync(path.join(data, 'sequence.new'));
    assert.equal((await messenger.settle(poolOf(), undefined)).kind, 'answered');
    assert.equal((await messenger.own('berth', '/Berth.Register', {})).kind, 'answered');
    assert.equal(asked.length, 2);
  });

  it('is not sent before the functions are known, and the error says so', async (t) => {
    const { messenger, asked } = await stage(t, false);
    const verdict = await messenger.attempt(poolOf(), 1, 1_000);
    assert.partialDeepStrictEqual(verdict, { kind: 'failed', isOpen: false, remedy: 'renew' });
    assert.deepEqual(asked, []);
  });
});
