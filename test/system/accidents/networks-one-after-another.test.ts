/** dockerd creates many networks without asking for an address, and its own loop over overlapping routes must still end. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import { pino } from 'pino';
import { parseEndpoint } from '../../../shim/endpoint.ts';
import { Handshakes } from '../../../shim/host/handshake.ts';
import { Sequence } from '../../../shim/host/sequence.ts';
import { Metrics } from '../../../shim/plugin/metrics.ts';
import { pluginServer } from '../../../shim/plugin/plugin.ts';
import { openServer } from '../../../shim/plugin/sockets.ts';
import { callPlugin } from '../../support/berth-process.ts';
import { limit } from '../../support/deadlines.ts';
import { stage as callsStage } from '../../unit/shim/calls-stage.ts';
import { failureOf, grantOf } from '../../unit/shim/stand-ins.ts';
import { temporaryFolder } from '../../unit/shim/temporary.ts';

const MANY = 60;
const REFUSED = /^dockerd asked for 16 automatic pools within 5 s and used none/;

/** A plugin whose cloud has a pool for every request. */
async function docker(t: TestContext) {
  const calls = await callsStage(t);
  const folder = await temporaryFolder(t);
  const cloud = { ask: () => Promise.resolve(failureOf('away')) };
  const endpoint = parseEndpoint('unix:/nowhere');
  const warn = (): undefined => undefined;
  const handshakes = await Handshakes.open(cloud, { endpoint, driver: 'berth', space: 'default', folder, warn });
  const server = pluginServer('berth', handshakes, {
    sequence: new Sequence(await temporaryFolder(t)),
    calls: calls.calls,
    metrics: new Metrics({ journal: calls.journal, inFlight: () => 0, isReached: () => true, findings: () => [] }),
    log: pino({ level: 'silent' }),
    health: () => ({}),
    doctor: () => Promise.resolve({}),
    budget: 60_000,
  });
  const socket = path.join(folder, 'berth.sock');
  await openServer(server, { path: socket });
  t.after(() => {
    handshakes.close();
    server.closeAllConnections();
    server.close();
  });
  let granted = 0;
  const post = (method: string, body?: object) => callPlugin(socket, `IpamDriver.${method}`, body);
  const ask = () => post('GetDefaultAddressSpaces');
  const requestPool = async (V6: boolean): Promise<unknown> => {
    const answered = { yet: false };
    const answer = post('RequestPool', { AddressSpace: 'default', Pool: '', SubPool: '', Options: null, V6 });
    void answer.finally(() => (answered.yet = true));
    const before = calls.attempts.length;
    while (!answered.yet && calls.attempts.length === before) await new Promise((resolve) => setImmediate(resolve));
    if (!answered.yet) calls.attempts.at(-1)?.answer(grantOf(`p${granted++}`));
    return (await answer).json['Error'];
  };
  return { ask, requestPool };
}

/** As engines of 27 and later do where no gateway is needed: macvlan on 29, macvlan and bridges that are internal on 28. */
async function createNetwork({ ask, requestPool }: Awaited<ReturnType<typeof docker>>, ...families: (4 | 6)[]) {
  await ask();
  for (const family of families) {
    await ask();
    assert.equal(await requestPool(family === 6), undefined);
  }
}

describe('networks for which dockerd asks for no address', { timeout: limit(120_000) }, () => {
  it('are created one after another, without a limit', async (t) => {
    const engine = await docker(t);
    for (let i = 0; i < MANY; i++) await createNetwork(engine, 4);
  });

  it('are created one after another with IPv6 too', async (t) => {
    const engine = await docker(t);
    for (let i = 0; i < MANY; i++) await createNetwork(engine, 4, 6);
  });

  it('are created even while its loop over overlapping routes is refused', async (t) => {
    const engine = await docker(t);
    await engine.ask();
    await engine.ask();
    let pools = 0;
    let refusal: unknown;
    for (; refusal === undefined && pools < MANY; pools++) refusal = await engine.requestPool(false);
    assert.match(String(refusal), REFUSED);
    assert.ok(pools < 20, `${pools} pools`);
    await createNetwork(engine, 4);
  });
});
