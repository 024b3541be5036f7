import assert from 'node:assert/strict';
import { type ClientRequest, type Server, request as httpRequest } from 'node:http';
import { existsSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { shutServer } from '../../../shim/plugin/sockets.ts';
import { callPlugin } from '../../support/berth-process.ts';
import { stage } from './plugin-stage.ts';
import { TIMEOUT } from './outbox-stage.ts';
import { HEARD, grantOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';

const ADDRESS = { PoolID: 'p', Address: '' };

/** A call that the test can cut off. */
function call(socketPath: string, method: string, length: number): ClientRequest {
  const headers = { 'content-length': length };
  const sent = httpRequest({ socketPath, path: `/IpamDriver.${method}`, method: 'POST', headers, agent: false });
  sent.on('error', () => undefined);
  return sent;
}

const answerOf = (sent: ClientRequest): Promise<string> =>
  new Promise((resolve, reject) => {
    sent.once('error', reject);
    sent.once('response', (response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part.toString()));
      response.once('end', () => {
        resolve(text);
      });
    });
  });

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !condition(); turn++) await settled();
  assert.ok(condition());
}

describe('a request whose connection closes', { timeout: TIMEOUT }, () => {
  it('is undone when it is granted afterwards', async (t) => {
    const { socket, server, attempts, cloud, journal } = await stage(t);
    const body = JSON.stringify(ADDRESS);
    const sent = call(socket, 'RequestAddress', body.length);
    sent.end(body);
    await until(() => attempts.length === 1);
    sent.destroy();
    await connectionsGone(server);
    attempts[0]?.answer(grantOf('10.0.0.2'));
    const { call: settledCall, keep } = await cloud.until(1);
    assert.deepEqual([settledCall.key, keep], [attempts[0]?.call.key, undefined]);
    assert.equal(journal.entries()[0]?.kind, 'settle');
  });

  it('is not begun when it breaks off before the end of its body', async (t) => {
    const { socket, server, attempts } = await stage(t);
    const sent = call(socket, 'RequestAddress', 100);
    sent.write('{"PoolID":"p"}');
    await settled();
    sent.destroy();
    await connectionsGone(server);
    await settled();
    assert.deepEqual(attempts, []);
  });

  it('is kept when dockerd has waited for the answer', async (t) => {
    const { socket, attempts, cloud, journal } = await stage(t);
    const answer = callPlugin(socket, 'IpamDriver.RequestAddress', ADDRESS);
    await until(() => attempts.length === 1);
    attempts[0]?.answer(grantOf('10.0.0.2'));
    assert.equal((await answer).json['Granted'], '10.0.0.2');
    await settled();
    assert.deepEqual([cloud.asked, journal.entries()], [[], []]);
  });
});

async function connectionsGone(server: Server): Promise<void> {
  for (;;) {
    const count = await new Promise<number>((resolve) => {
      server.getConnections((_, open) => {
        resolve(open);
      });
    });
    if (count === 0) return;
    await settled();
  }
}

describe('a request that takes too long to arrive', { timeout: TIMEOUT }, () => {
  it('is answered, and not begun when it arrives at last', async (t) => {
    const { socket, attempts } = await stage(t, { budget: 1 });
    const sent = call(socket, 'RequestAddress', 27);
    sent.write('{"PoolID":"p",');
    const answer = await answerOf(sent);
    assert.match(answer, /^{"Error":"the request was not answered within 1\.001 s"}$/);
    sent.end('"Address":""}');
    await settled();
    assert.deepEqual(attempts, []);
  });

  it('is undone when it is granted after it was answered', async (t) => {
    const { socket, attempts, cloud } = await stage(t, { budget: 100 });
    const answer = callPlugin(socket, 'IpamDriver.RequestAddress', ADDRESS);
    await until(() => attempts.length === 1);
    assert.match(String((await answer).json['Error']), /^the request was not answered within 1\.1 s$/);
    attempts[0]?.answer(grantOf('10.0.0.2'));
    assert.equal((await cloud.until(1)).keep, undefined);
  });
});

describe('a request that is granted at the moment its time is over', { timeout: TIMEOUT }, () => {
  it('is undone as well', async (t) => {
    let grant = (): void => undefined;
    const { socket, attempts, cloud } = await stage(t, {
      budget: 100,
      onLog: () => {
        grant();
      },
    });
    const answer = callPlugin(socket, 'IpamDriver.RequestAddress', ADDRESS);
    await until(() => attempts.length === 1);
    grant = () => attempts[0]?.answer(grantOf('10.0.0.2'));
    assert.match(String((await answer).json['Error']), /^the request was not answered/);
    assert.equal((await cloud.until(1)).keep, undefined);
  });
});

/** Fails every write, like a file on a full disk. */
const FULL = '/dev/full';

describe('a release while the sequence cannot be written', { timeout: TIMEOUT }, () => {
  it(
    'gets a number all the same, and a request gets an error that says where space is missing',
    { skip: !existsSync(FULL) },
    async (t) => {
      let now = Date.UTC(2026, 0);
      const { socket, data, cloud } = await stage(t, { now: () => now });
      cloud.always = HEARD;
      const release = { PoolID: 'p', Address: '10.0.0.2' };
      await callPlugin(socket, 'IpamDriver.ReleaseAddress', release);
      const inTheWay = path.join(data, 'sequence.new');
      symlinkSync(FULL, inTheWay);
      now += 100_000;
      assert.deepEqual((await callPlugin(socket, 'IpamDriver.ReleaseAddress', release)).json, {});
      const { json } = await callPlugin(socket, 'IpamDriver.RequestAddress', ADDRESS);
      const words = `Berth cannot write its sequence: no space left on the device: free some in ${data}`;
      assert.equal(json['Error'], words);
      const [first = '', second = ''] = cloud.keys;
      assert.ok(first < second);
    },
  );
});

describe('a server that shuts down', { timeout: TIMEOUT }, () => {
  it('answers the calls in progress, and removes its socket at once', async (t) => {
    const { socket, server, attempts } = await stage(t);
    const answer = callPlugin(socket, 'IpamDriver.RequestAddress', ADDRESS);
    await until(() => attempts.length === 1);
    const shut = shutServer(server, { path: socket });
    await assert.rejects(callPlugin(socket, 'Plugin.Activate'), { code: 'ENOENT' });
    attempts[0]?.answer(grantOf('10.0.0.2'));
    assert.equal((await answer).json['Granted'], '10.0.0.2');
    await shut;
  });

  it('waits for the given time, and no longer', async (t) => {
    const { socket, server, attempts } = await stage(t);
    const answer = callPlugin(socket, 'IpamDriver.RequestAddress', ADDRESS);
    await until(() => attempts.length === 1);
    const broken = assert.rejects(answer, { code: 'ECONNRESET' });
    await shutServer(server, { path: socket }, 20);
    await broken;
  });
});
