/** A whole shim, in front of functions that answer as a test says. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, describe, it } from 'node:test';
import { pino } from 'pino';
import { lineage } from '../../../shim/host/registration.ts';
import { Journal } from '../../../shim/journal/journal.ts';
import { type Shim, serveShim } from '../../../shim/serve.ts';
import type { Settings } from '../../../shim/settings.ts';
import { callPlugin } from '../../support/berth-process.ts';
import { TIMEOUT } from './outbox-stage.ts';
import { releaseOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';
import { temporaryFolder } from './temporary.ts';

interface Heard {
  readonly path: string;
  readonly key: string;
  readonly body: string;
}

interface Stage {
  readonly data: string;
  readonly socket: string;
  /** The requests that reached the functions, without handshakes. */
  readonly heard: Heard[];
  /** Answers by path; the default is `{}`. */
  readonly says: Map<string, object | Promise<object>>;
  readonly start: () => Promise<Shim>;
  /** Waits until the given number of requests arrived on a path. */
  readonly until: (path: string, count?: number) => Promise<Heard>;
}

const registered = { Incarnation: 'x', Epoch: 1, Floor: '000000000', HeartbeatSeconds: 600, Fresh: false };
const REGISTER = '/Berth.Register';
const RELEASE = '/IpamDriver.ReleaseAddress';

async function stage(t: TestContext): Promise<Stage> {
  const folder = await temporaryFolder(t);
  const up = path.join(folder, 'up.sock');
  const endpoint = `unix:${up}`;
  const heard: Heard[] = [];
  const says = new Map<string, object | Promise<object>>([
    [REGISTER, registered],
    [
      '/Berth.Handshake',
      {
        Capabilities: { RequiresMACAddress: true, RequiresRequestReplay: false },
        AddressSpaces: { LocalDefaultAddressSpace: 'default', GlobalDefaultAddressSpace: 'global' },
        Functions: { Pools: endpoint, Addresses: endpoint, Hosts: endpoint },
      },
    ],
  ]);
  const server = createServer((request, response) => {
    const { url = '', headers } = request;
    void text(request).then(async (body) => {
      if (url !== '/Berth.Handshake') heard.push({ path: url, key: String(headers['berth-request']), body });
      response.end(JSON.stringify(await Promise.resolve(says.get(url) ?? {})));
    });
  });
  await new Promise<void>((resolve) => server.listen(up, resolve));
  const settings: Settings = {
    sockets: folder,
    data: folder,
    space: 'default',
    hostId: 'host-1',
    machine: undefined,
    drivers: ['berth'],
    region: undefined,
    budget: 60_000,
    inFlightBound: 60_000,
    metrics: undefined,
    reconcile: { docker: '/nowhere/docker.sock', mode: 'off', every: 60_000, secondLook: 60_000 },
  };
  const shims: Shim[] = [];
  t.after(async () => {
    for (const shim of shims) await shim.stop();
    server.closeAllConnections();
    server.close();
  });
  const start = async (): Promise<Shim> => {
    const shim = await serveShim(settings, { endpoint, version: '0.1.0', log: pino({ level: 'silent' }) });
    shims.push(shim);
    return shim;
  };
  const until = async (wanted: string, count = 1): Promise<Heard> => {
    const of = (): Heard[] => heard.filter(({ path: each }) => each === wanted);
    for (let turn = 0; turn < 20_000 && of().length < count; turn++) await settled();
    return of()[count - 1] ?? assert.fail(`${wanted} was not heard ${count} times`);
  };
  return { data: folder, socket: path.join(folder, 'berth.sock'), heard, says, start, until };
}

/** The calls that an earlier run left. */
async function leave({ data }: Stage): Promise<string> {
  const identity = { hostId: 'host-1', incarnation: lineage(data) };
  const journal = Journal.open(data, identity, { warn: () => undefined });
  const call = releaseOf('p', '10.0.0.2');
  await journal.release(call);
  await journal.close();
  return call.key;
}

const isHeld = ({ heard }: Stage): boolean => heard.every(({ path: each }) => each === REGISTER);

async function journalOf({ socket }: Stage): Promise<unknown> {
  return (await callPlugin(socket, 'Berth.Health')).json['journal'];
}

describe('a release that an earlier run has left', { timeout: TIMEOUT }, () => {
  it('is sent once the fleet has accepted this host, and not before', async (t) => {
    const self = await stage(t);
    const key = await leave(self);
    const answer = Promise.withResolvers<object>();
    self.says.set(REGISTER, answer.promise);
    await self.start();
    await self.until(REGISTER);
    await settled();
    assert.ok(isHeld(self));
    answer.resolve(registered);
    assert.equal((await self.until(RELEASE)).key, key);
  });

  it('goes to the dead letters, and is not sent, where the fleet accepts this host as a new one', async (t) => {
    const self = await stage(t);
    await leave(self);
    self.says.set(REGISTER, { ...registered, Fresh: true });
    await self.start();
    await self.until(REGISTER);
    // A release of this run arrives after all earlier calls.
    await callPlugin(self.socket, 'IpamDriver.ReleaseAddress', { PoolID: 'p', Address: '10.0.0.3' });
    const { body } = await self.until(RELEASE);
    assert.match(body, /10\.0\.0\.3/);
    assert.partialDeepStrictEqual(await journalOf(self), { depth: 0, deadLetters: 1 });
  });

  it('is held back, and all requests are refused, while the fleet refuses this host', async (t) => {
    const self = await stage(t);
    await leave(self);
    self.says.set(REGISTER, { Error: 'another machine has been host host-1' });
    await self.start();
    await self.until(REGISTER);
    const ask = () => callPlugin(self.socket, 'IpamDriver.RequestAddress', { PoolID: 'p', Address: '' });
    for (let turn = 0; turn < 1_000 && (await health(self)) !== 'failing'; turn++) await settled();
    assert.deepEqual((await ask()).json, { Error: 'another machine has been host host-1' });
    assert.ok(isHeld(self));
    assert.partialDeepStrictEqual(await journalOf(self), { depth: 1, deadLetters: 0 });
  });
});

const health = async ({ socket }: Stage): Promise<unknown> => (await callPlugin(socket, 'Berth.Health')).json['status'];

describe('a shim', { timeout: TIMEOUT }, () => {
  it('continues above the highest number that the fleet has seen of it', async (t) => {
    const self = await stage(t);
    self.says.set(REGISTER, { ...registered, Floor: '0zzzzzzzz' });
    await self.start();
    await self.until(REGISTER);
    await callPlugin(self.socket, 'IpamDriver.ReleaseAddress', { PoolID: 'p', Address: '10.0.0.3' });
    await callPlugin(self.socket, 'IpamDriver.ReleaseAddress', { PoolID: 'p', Address: '10.0.0.4' });
    assert.ok((await self.until(RELEASE, 2)).key > '0zzzzzzzz');
  });

  it('that is stopped answers the calls in progress, and keeps what the cloud has not accepted', async (t) => {
    const self = await stage(t);
    const shim = await self.start();
    await self.until(REGISTER);
    const [granted, heard] = [Promise.withResolvers<object>(), Promise.withResolvers<object>()];
    self.says.set('/IpamDriver.RequestAddress', granted.promise).set(RELEASE, heard.promise);
    const request = callPlugin(self.socket, 'IpamDriver.RequestAddress', { PoolID: 'p', Address: '' });
    const release = callPlugin(self.socket, 'IpamDriver.ReleaseAddress', { PoolID: 'p', Address: '10.0.0.2' });
    await self.until('/IpamDriver.RequestAddress');
    const { key } = await self.until(RELEASE);
    const stopped = shim.stop();
    assert.equal(existsSync(self.socket), false);
    granted.resolve({ Address: '10.0.0.9/24' });
    assert.equal((await request).json['Address'], '10.0.0.9/24');
    assert.deepEqual((await release).json, {});
    heard.resolve({ Error: '', unforeseen: true });
    await stopped;
    self.says.delete(RELEASE);
    await self.start();
    assert.equal((await self.until(RELEASE, 2)).key, key);
  });
});
