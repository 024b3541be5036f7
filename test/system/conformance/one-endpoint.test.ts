/** All functions at one URL, each method with its own route, as with an HTTP API in front of them. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import path from 'node:path';
import { it } from 'node:test';
import * as v from 'valibot';
import type { Handler } from '../../../functions/lambda/handler.ts';
import { functionUrl } from '../../../infra/local/function-url.ts';
import { openKeyring } from '../../../infra/local/keyring.ts';
import { signatureVerifier } from '../../../infra/local/verify-signature.ts';
import { viewHostAnswer, viewerAnswer } from '../../../protocol/viewer-messages.ts';
import { closeServer } from '../../../shim/close-server.ts';
import { runBerth, startBerth } from '../../support/berth-process.ts';
import { engineStore } from '../../support/engine-store.ts';
import { ask, wordsOf } from '../../support/shims.ts';
import { folders, ipam, requestAddress, requestPool, running, useStage } from '../../support/stage.ts';

useStage();

/** Set as in the deployment, before the functions load, since they read it then. */
async function loadFunctions(table: string, engine: string, url: string): Promise<Record<string, Handler>> {
  Object.assign(process.env, {
    BERTH_TABLE: table,
    AWS_ENDPOINT_URL_DYNAMODB: engine,
    AWS_REGION: 'local',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    BERTH_POOLS_URL: url,
    BERTH_ADDRESSES_URL: url,
    BERTH_HOSTS_URL: url,
    BERTH_CONSOLE_URL: url,
    BERTH_VIEWER_URL: url,
    BERTH_CHECK_URL: url,
  });
  const { handler: capabilities } = await import('../../../functions/capabilities.ts');
  const { handler: pools } = await import('../../../functions/pools.ts');
  const { handler: addresses } = await import('../../../functions/addresses.ts');
  const { handler: hosts } = await import('../../../functions/hosts.ts');
  const { handler: console } = await import('../../../functions/console.ts');
  const { handler: viewer } = await import('../../../functions/viewer.ts');
  return {
    '/Berth.Handshake': capabilities,
    '/Berth.Register': hosts,
    '/Berth.Settle': hosts,
    '/IpamDriver.RequestPool': pools,
    '/IpamDriver.ReleasePool': pools,
    '/IpamDriver.RequestAddress': addresses,
    '/IpamDriver.ReleaseAddress': addresses,
    '/Berth.Host': console,
    '/Berth.HostState': console,
    '/Berth.ViewHost': viewer,
  };
}

async function told(endpoint: string, route: string, message: object): Promise<unknown> {
  const verdict = await ask(endpoint, route, message, { 'berth-driver': 'berth' });
  return verdict.kind === 'answered' ? JSON.parse(verdict.text) : assert.fail(wordsOf(verdict));
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
}

it('a host with a single URL finds every function there, and so do an operator and a viewer', async (t) => {
  const engine = await engineStore();
  const folder = path.join(folders.data, 'cloud');
  mkdirSync(folder, { recursive: true });
  const socket = path.join(folder, 'api.sock');
  const url = `unix:${socket}`;
  const routes = await loadFunctions(engine.table, engine.endpoint, url);
  const asked: string[] = [];
  const api: Handler = async (event, context) => {
    asked.push(event.rawPath);
    return routes[event.rawPath]?.(event, context) ?? { statusCode: 404, body: '{"message":"Not Found"}' };
  };
  const verify = signatureVerifier(openKeyring(folder), { enforcement: 'require' });
  const server = functionUrl({ name: 'api', handler: api, timeout: 10_000, verify });
  await listen(server, socket);
  t.after(async () => {
    for (const berth of running.splice(0)) await berth.stop();
    await closeServer(server);
    await engine.close();
  });

  const { data, sockets } = folders;
  running.push(await startBerth(['shim', '--data', data, '--sockets', sockets, '--host-id', 'a', '--endpoint', url]));
  const { PoolID } = await requestPool('10.1.0.0/24');
  const address = await requestAddress(PoolID, '');
  assert.match(String(address), /^10\.1\.0\.\d+\/24$/);
  assert.deepEqual(await ipam('ReleaseAddress', { PoolID, Address: String(address).replace('/24', '') }), {});
  assert.deepEqual(await ipam('ReleasePool', { PoolID }), {});
  const { code, err } = await runBerth(['host', 'drain', 'a', '--endpoint', url]);
  assert.deepEqual([code, err], [0, '']);
  assert.match((await runBerth(['host', 'show', 'a', '--endpoint', url])).out, /^state +draining /m);
  const { Functions } = v.parse(viewerAnswer, await told(url, '/Berth.Handshake', {}));
  assert.equal(Functions.Viewer, url);
  assert.equal(v.parse(viewHostAnswer, await told(url, '/Berth.ViewHost', { Host: 'a' })).Outcome, 'done');
  const paths = new Set(asked);
  assert.deepEqual(
    Object.keys(routes).filter((route) => !paths.has(route)),
    ['/Berth.Settle'],
  );
});
