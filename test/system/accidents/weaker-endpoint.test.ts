/** Which answers may name the endpoints of functions: the signature and the session token of the host go there. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, type RequestListener, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import { PROGRAM } from '../../support/berth-process.ts';
import { limit } from '../../support/deadlines.ts';
import { listen } from '../../support/http.ts';
import { untrusted } from '../../unit/shim/cloud/untrusted.ts';

const TOKEN = 'session-token-of-this-host';
/** ms */
const PATIENCE = limit(60_000);

interface Ambush {
  readonly folder: string;
  /** The URL of the capabilities function, over TLS. */
  readonly endpoint: string;
  /** Session tokens that arrived in plain text. */
  readonly caught: string[];
  readonly plain: { readonly http: string; readonly unix: string };
}

/** Starts `berth ARGS` with credentials that have a session token, and ends it as soon as a token was received. */
async function berth({ folder, endpoint, caught }: Ambush, ...args: string[]): Promise<{ said: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args, '--endpoint', endpoint], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      NODE_EXTRA_CA_CERTS: path.join(folder, 'ca.pem'),
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'A',
      AWS_SECRET_ACCESS_KEY: 's',
      AWS_SESSION_TOKEN: TOKEN,
    },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
  const watch = setInterval(() => {
    if (caught.length > 0) child.kill();
  }, 100);
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  await new Promise((resolve) => child.once('close', resolve));
  clearInterval(watch);
  clearTimeout(timer);
  return { said };
}

async function ambush(t: TestContext, weak: 'http' | 'unix'): Promise<Ambush> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'berth-'));
  writeFileSync(path.join(folder, 'ca.pem'), untrusted.cert);
  const caught: string[] = [];
  const collect: RequestListener = (request: IncomingMessage, response) => {
    caught.push(String(request.headers['x-amz-security-token']));
    response.end('{"Error":"thank you"}');
  };
  const socket = path.join(folder, 'plain.sock');
  await listen(t, createServer(collect), socket);
  const port = await listen(t, createServer(collect));
  const plain = { http: `http://127.0.0.1:${port}`, unix: `unix:${socket}` };
  const tls = createTlsServer(untrusted, (request, response) => {
    request.resume();
    response.end(handshakeWith(plain[weak]));
  });
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, endpoint: `https://localhost:${await listen(t, tls)}`, caught, plain };
}

const handshakeWith = (url: string): string =>
  JSON.stringify({
    Capabilities: { RequiresMACAddress: true, RequiresRequestReplay: false },
    AddressSpaces: { LocalDefaultAddressSpace: 'default', GlobalDefaultAddressSpace: 'default.global' },
    Functions: { Pools: url, Addresses: url, Hosts: url, Console: url },
  });

const shimArguments = (folder: string): string[] => [
  ...['shim', '--host-id', 'a', '--drivers', 'berth', '--data', path.join(folder, 'd')],
  ...['--sockets', path.join(folder, 's'), '--docker', `unix://${path.join(folder, 'no-docker.sock')}`],
];

describe('an answer over https that names a plain-text endpoint', () => {
  for (const weak of ['http', 'unix'] as const) {
    const words = new RegExp(
      `names "${weak}:.* as the endpoint of another function, but Berth does not go from https: to ${weak}:`,
    );

    it(`does not make a host send its session token to ${weak}:`, async (t) => {
      const stage = await ambush(t, weak);
      const { said } = await berth(stage, ...shimArguments(stage.folder));
      assert.deepEqual(stage.caught, []);
      assert.match(said, words);
    });

    it(`does not make an operator's program send its session token to ${weak}:`, async (t) => {
      const stage = await ambush(t, weak);
      const { said } = await berth(stage, 'host', 'dead', 'web-1');
      assert.deepEqual(stage.caught, []);
      assert.match(said, words);
    });

    it(`has no effect at the next start if an earlier version stored it: ${weak}:`, async (t) => {
      const stage = await ambush(t, weak);
      mkdirSync(path.join(stage.folder, 'd'), { mode: 0o700 });
      const kept = { key: `${stage.endpoint} default`, answer: handshakeWith(stage.plain[weak]) };
      writeFileSync(path.join(stage.folder, 'd/handshake-berth.json'), JSON.stringify(kept));
      const { said } = await berth(stage, ...shimArguments(stage.folder));
      assert.deepEqual(stage.caught, []);
      assert.match(said, words);
    });
  }
});
