/** The messages of a host about itself and its calls, to the function behind a socket of the local cloud. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as v from 'valibot';
import { signers } from '../../../shim/aws/signer.ts';
import { type LocalCloud, startCloud } from '../../../shim/commands/up.ts';
import { parseEndpoint } from '../../../shim/endpoint.ts';
import { type Folders, temporaryFolders } from '../../support/berth-process.ts';
import { send as post } from '../../support/http.ts';

interface Answer {
  readonly json: Readonly<Record<string, unknown>>;
  /** The code of a refusal. */
  readonly refusal: string | undefined;
}

let cloud: LocalCloud;
let folders: Folders;
/** ms, the clock of the hosts. */
let clock = Date.UTC(2026, 0, 1);

before(async () => {
  folders = temporaryFolders();
  cloud = await startCloud(folders.data, undefined);
});

after(async () => {
  await cloud.stop();
  folders.remove();
});

const freshKey = (): string => `${(clock += 1).toString(36).padStart(9, '0')}abcd`;

const answerText = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()));

const signerOf = signers(undefined);

/** A host that a test names is registered before its first call. */
const registered = new Set<string>();

async function send(
  name: string,
  method: string,
  body: string,
  host: string,
  key = freshKey(),
  attempt = 1,
): Promise<Answer> {
  if (!registered.has(host) && method !== 'Berth.Register') {
    registered.add(host);
    const message = { Proposed: 'nonce-first', ShimVersion: '0.1.0' };
    await succeed('hosts', 'Berth.Register', message, host);
  }
  const socketPath = path.join(folders.data, 'cloud', `${name}.sock`);
  const headers = await signerOf(parseEndpoint(`unix:${socketPath}`)).sign({
    hostname: 'localhost',
    port: 80,
    path: `/${method}`,
    headers: headersOf(host, key, attempt),
    body: Buffer.from(body),
  });
  const answer = await post({ socketPath, path: `/${method}`, headers }, body);
  const refusal = v.parse(v.optional(v.string()), answer.headers['berth-refusal']);
  return { json: v.parse(answerText, answer.body.toString()), refusal };
}

const headersOf = (host: string, key: string, attempt: number) => ({
  'content-type': 'application/json',
  'berth-host': host,
  'berth-epoch': '1',
  'berth-driver': 'berth',
  'berth-request': key,
  'berth-attempt': String(attempt),
  'berth-remaining-ms': '20000',
});

/** The answer of a call that must succeed. */
async function succeed(name: string, method: string, message: object, host: string, key?: string, attempt?: number) {
  const { json, refusal } = await send(name, method, JSON.stringify(message), host, key, attempt);
  assert.deepEqual([refusal, json['Error']], [undefined, undefined]);
  return json;
}

describe('a host registers', () => {
  const register = (host: string, message: object) =>
    send('hosts', 'Berth.Register', JSON.stringify({ ShimVersion: '0.1.0', EngineVersion: '', ...message }), host);

  it('and gets its incarnation, its epoch and the floor of its sequences', async () => {
    const { json } = await register('reg-1', { Proposed: 'nonce-one' });
    const floor = clock.toString(36).padStart(9, '0');
    const told = {
      Incarnation: 'nonce-one',
      Epoch: 1,
      Floor: floor,
      HeartbeatSeconds: 600,
      Fresh: false,
      State: 'live',
      Waking: false,
      Rival: null,
    };
    assert.deepEqual(json, told);
    clock += 5_000;
    const again = await register('reg-1', { Incarnation: 'nonce-one', Proposed: 'nonce-two' });
    assert.deepEqual(again.json, {
      ...told,
      Incarnation: 'nonce-two',
      Floor: clock.toString(36).padStart(9, '0'),
    });
  });

  it('and a copy of it is refused, with a code and the remedy', async () => {
    await register('reg-2', { Incarnation: null, Proposed: 'nonce-one' });
    const { json, refusal } = await register('reg-2', { Incarnation: 'nonce-old', Proposed: 'nonce-two' });
    assert.equal(refusal, 'host-taken');
    assert.match(String(json['Error']), /^another machine has been host reg-2 since .* with its own --host-id/);
  });
});

describe('a host settles a call', () => {
  const settle = (host: string, message: object) => send('hosts', 'Berth.Settle', JSON.stringify(message), host);

  it('for a pool: the networks that it left end, except for the one to keep', async () => {
    const key = freshKey();
    const wish = { AddressSpace: 'default', Pool: '', SubPool: '', Options: null, V6: false };
    const one = await succeed('pools', 'IpamDriver.RequestPool', wish, 'set-1', key);
    const two = await succeed('pools', 'IpamDriver.RequestPool', wish, 'set-1', key, 2);
    const settlement = { Method: 'RequestPool', RequestKey: key, Request: wish, Keep: two['PoolID'] };
    assert.deepEqual(await settle('set-1', settlement), { json: {}, refusal: undefined });
    const ask = (PoolID: unknown) =>
      send('addresses', 'IpamDriver.RequestAddress', JSON.stringify({ PoolID, Address: '', Options: null }), 'set-1');
    assert.equal((await ask(one['PoolID'])).refusal, 'pool-gone');
    assert.equal((await ask(two['PoolID'])).refusal, undefined);
  });

  it('for an address: it is free for others', async () => {
    const wish = { AddressSpace: 'default', Pool: '10.1.0.0/31', Options: null };
    const { PoolID } = await succeed('pools', 'IpamDriver.RequestPool', wish, 'set-2');
    const mac = (last: string) => ({ 'com.docker.network.endpoint.macaddress': `02:42:0a:01:00:0${last}` });
    const named = (last: string) => ({ PoolID, Address: '10.1.0.1', Options: mac(last) });
    const key = freshKey();
    await succeed('addresses', 'IpamDriver.RequestAddress', named('1'), 'set-2', key);
    const settlement = { Method: 'RequestAddress', RequestKey: key, Request: named('1') };
    assert.deepEqual(await settle('set-2', { ...settlement, Keep: '10.1.0.1' }), { json: {}, refusal: undefined });
    const other = await send('addresses', 'IpamDriver.RequestAddress', JSON.stringify(named('2')), 'set-2');
    assert.equal(other.refusal, 'address-in-use');
    assert.deepEqual(await settle('set-2', { ...settlement, Keep: null }), { json: {}, refusal: undefined });
    await succeed('addresses', 'IpamDriver.RequestAddress', named('2'), 'set-2');
  });

  it('that was malformed: nothing needs to be undone', async () => {
    for (const Method of ['RequestPool', 'RequestAddress']) {
      const answer = await settle('set-3', { Method, RequestKey: freshKey(), Request: { Options: 7 }, Keep: null });
      assert.deepEqual(answer, { json: {}, refusal: undefined });
    }
  });

  it('with a PoolID that is damaged: it is refused', async () => {
    const settlement = { RequestKey: freshKey(), Keep: null };
    const damaged = { ...settlement, Method: 'RequestAddress', Request: { PoolID: 'berth1,x' } };
    assert.equal((await settle('set-4', damaged)).refusal, 'foreign-pool');
    assert.equal((await settle('set-4', { ...settlement, Method: 'RequestPool', Keep: 'x' })).refusal, 'foreign-pool');
  });

  it('of the largest possible request', async () => {
    const text = JSON.stringify({ PoolID: 'berth1,x', Pad: '' });
    const Request = { PoolID: 'berth1,x', Pad: 'x'.repeat(65_536 - text.length) };
    const answer = await settle('set-5', { Method: 'RequestAddress', RequestKey: freshKey(), Request, Keep: null });
    assert.match(String(answer.json['Error']), /^invalid pool id: "berth1,x" was not issued by Berth, or was damaged$/);
  });
});

describe('a host compares what it has', () => {
  it('and revives a network that has ended, with the addresses of its endpoints', async () => {
    const host = 'rev-1';
    const ask = (method: string, message: object) => succeed('hosts', method, message, host);
    const mac = { 'com.docker.network.endpoint.macaddress': '02:42:0a:02:00:07' };
    const wish = { AddressSpace: 'default', Pool: '10.2.0.0/24', Options: null };
    const { PoolID } = await succeed('pools', 'IpamDriver.RequestPool', wish, host);
    await succeed('addresses', 'IpamDriver.RequestAddress', { PoolID, Address: '10.2.0.7', Options: mac }, host);
    const [network] = v.parse(networksAnswer, await ask('Berth.Networks', { After: null })).Networks;
    assert.deepEqual([network?.Pool, network?.State], ['10.2.0.0/24', 'live']);
    const holdings = async () => v.parse(holdingsAnswer, await ask('Berth.Holdings', { PoolID }));
    assert.deepEqual(
      (await holdings()).Leases.map(({ Address }) => Address),
      ['10.2.0.7'],
    );
    await succeed('pools', 'IpamDriver.ReleasePool', { PoolID }, host);
    assert.equal((await holdings()).State, 'gone');
    const Held = [{ Address: '10.2.0.7', MacAddress: '02:42:0a:02:00:07', Name: 'web' }];
    const revival = { PoolID, Gateway: '10.2.0.1', Reserved: [], Held, Last: true };
    assert.deepEqual(await ask('Berth.Revive', revival), { State: 'live', Taken: [] });
    const { State, Leases } = await holdings();
    assert.deepEqual([State, Leases.map(({ Address }) => Address)], ['live', ['10.2.0.7']]);
    await succeed('addresses', 'IpamDriver.RequestAddress', { PoolID, Address: '', Options: null }, host);
  });
});

const networksAnswer = v.object({ Networks: v.array(v.object({ Pool: v.string(), State: v.string() })) });
const holdingsAnswer = v.object({ State: v.string(), Leases: v.array(v.object({ Address: v.string() })) });
