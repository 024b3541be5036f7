/**
 * What Berth promises in seconds, in real time: nothing here is scaled. If other programs used the processors in the
 * meantime, the measurement does not count and is repeated.
 */
import assert from 'node:assert/strict';
import { type TestContext, after, before, describe, it } from 'node:test';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Berth, callPlugin, startBerth } from '../../support/berth-process.ts';
import { measureSlowness } from '../../support/deadlines.ts';
import { LocalCloud } from '../../support/local-cloud.ts';

/** ms within which dockerd is answered (README.md), and what the answer may take on its way. */
const PROMISED = 20_000;
const GRACE = 1_500;
/** How many times slower than a quiet machine this one may be for a measurement to count. */
const BUSY = 2;
const TRIES = 5;
/** ms */
const RESPITE = 10_000;

let cloud: LocalCloud;
let shim: Berth;
let socket: string;

before(async () => {
  cloud = await LocalCloud.start();
  const sockets = path.join(cloud.folder, 's');
  const places = ['--data', path.join(cloud.folder, 'data'), '--sockets', sockets];
  shim = await startBerth(['shim', ...places, '--host-id', 'a', '--endpoint', cloud.endpoint]);
  socket = path.join(sockets, 'berth.sock');
});

after(async () => {
  await cloud.comeBack();
  await shim.stop();
  await cloud.stop();
});

const ask = async (method: string, body: object): Promise<{ error: unknown; ms: number }> => {
  const began = performance.now();
  const { json } = await callPlugin(socket, `IpamDriver.${method}`, body);
  return { error: json['Error'], ms: performance.now() - began };
};

/** Repeats until all answers arrived in time, or arrived late although the machine was not busy. */
async function latest(t: TestContext, calls: () => Promise<readonly { error: unknown; ms: number }[]>): Promise<void> {
  for (let tries = 1; ; tries++) {
    const answers = await calls();
    const ms = Math.max(...answers.map((answer) => answer.ms));
    if (ms <= PROMISED + GRACE) return;
    const slowness = await measureSlowness();
    t.diagnostic(`answered after ${ms} ms on a machine that is ${slowness.toFixed(1)} times slower than a quiet one`);
    assert.ok(slowness > BUSY && tries < TRIES, `answered after ${ms} ms`);
    await delay(RESPITE);
  }
}

const pool = (subnet: string): object => ({
  AddressSpace: 'default',
  Pool: subnet,
  SubPool: '',
  Options: null,
  V6: false,
});

describe('dockerd is answered within 20 s', () => {
  it('while the functions do not answer', async (t) => {
    const { json } = await callPlugin(socket, 'IpamDriver.RequestPool', pool('10.1.0.0/24'));
    const PoolID = String(json['PoolID']);
    await cloud.freeze();
    await latest(t, async () => {
      const requests = [
        ask('RequestPool', pool('10.2.0.0/24')),
        ask('RequestAddress', { PoolID, Address: '', Options: {} }),
      ];
      const answers = await Promise.all(requests);
      for (const { error } of answers) assert.match(String(error), /no answer within .* s/);
      return answers;
    });
    await cloud.comeBack();
  });

  it('while the functions are gone', async (t) => {
    await cloud.crash();
    await latest(t, async () => {
      const answers = await Promise.all([ask('RequestPool', pool('10.3.0.0/24')), ask('ReleasePool', { PoolID: 'x' })]);
      assert.match(String(answers[0].error), /cannot be reached/);
      return answers;
    });
  });
});
