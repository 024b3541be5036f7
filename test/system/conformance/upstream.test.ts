/** The shim in front of functions that are slow or broken, and of servers that are not Berth functions. */
import assert from 'node:assert/strict';
import { type RequestListener, type Server, createServer } from 'node:http';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import * as v from 'valibot';
import { closeServer } from '../../../shim/close-server.ts';
import {
  type Berth,
  type Folders,
  callPlugin,
  runBerth,
  startBerth,
  temporaryFolders,
} from '../../support/berth-process.ts';
import { scaled, until } from '../../support/deadlines.ts';

let folders: Folders;
let upstream: Server;
let berth: Berth | undefined;
let respond: RequestListener;

/** s */
const DEADLINE = scaled(1);

const endpoint = (): string => `unix:${path.join(folders.data, '../up.sock')}`;
const shimArguments = (): string[] => {
  const { data, sockets } = folders;
  const fast = ['--deadline', String(DEADLINE), '--in-flight-bound', String(scaled(200))];
  return ['shim', '--data', data, '--sockets', sockets, '--host-id', 'a', '--endpoint', endpoint(), ...fast];
};

const handshake = () => ({
  Capabilities: { RequiresMACAddress: true, RequiresRequestReplay: false },
  AddressSpaces: { LocalDefaultAddressSpace: 'default', GlobalDefaultAddressSpace: 'global' },
  Functions: { Pools: endpoint(), Addresses: endpoint(), Hosts: endpoint() },
});

const registered = {
  Incarnation: 'of-this-host',
  Epoch: 3,
  Floor: '000000000',
  HeartbeatSeconds: 600,
  Fresh: false,
};

/** Requests that the shim sends by itself. */
let own: string[];

beforeEach(async () => {
  folders = temporaryFolders();
  berth = undefined;
  own = [];
  upstream = createServer((request, response) => {
    if (request.url === '/Berth.Handshake') response.end(JSON.stringify(handshake()));
    else if (request.url === '/Berth.Register') response.end(JSON.stringify(registered));
    else if (request.url === '/Berth.Settle') {
      own.push(request.url);
      response.end('{}');
    } else respond(request, response);
  });
  await new Promise<void>((resolve) => upstream.listen(endpoint().slice('unix:'.length), resolve));
});

afterEach(async () => {
  await berth?.stop();
  upstream.closeAllConnections();
  await closeServer(upstream);
  folders.remove();
});

const pairs = v.tupleWithRest([v.tuple([v.string(), v.string()])], v.unknown());
const health = v.object({ journal: v.object({ depth: v.number() }) });

/** Waits until all calls have reached the cloud. */
async function drained(): Promise<void> {
  const isEmpty = async (): Promise<boolean> => {
    const { json } = await callPlugin(path.join(folders.sockets, 'berth.sock'), 'Berth.Health');
    return v.parse(health, json).journal.depth === 0;
  };
  await until(isEmpty, 'the journal is empty');
}

const requestPool = () =>
  callPlugin(path.join(folders.sockets, 'berth.sock'), 'IpamDriver.RequestPool', { AddressSpace: 'default' });

describe('the shim', () => {
  it('forwards path and body unchanged, and adds what the host knows in headers', async () => {
    const seen: { url?: string | undefined; body: string; headers: Record<string, unknown> } = {
      body: '',
      headers: {},
    };
    respond = (request, response) => {
      seen.url = request.url;
      seen.headers = request.headers;
      request.on('data', (part: Buffer) => (seen.body += part.toString()));
      request.on('end', () => response.end('{"PoolID":"x","Pool":"10.0.0.0/24"}'));
    };
    berth = await startBerth(shimArguments());
    const [first, second] = [await requestPool(), seen.headers['berth-request']];
    assert.deepEqual(first.json, { PoolID: 'x', Pool: '10.0.0.0/24' });
    assert.equal(seen.url, '/IpamDriver.RequestPool');
    assert.equal(seen.body, '{"AddressSpace":"default"}\n');
    const { 'berth-host': host, 'berth-driver': driver, 'berth-attempt': attempt, 'berth-epoch': epoch } = seen.headers;
    assert.deepEqual([host, driver, attempt, epoch], ['a', 'berth', '1', '3']);
    assert.ok(Number(seen.headers['berth-remaining-ms']) <= 550 * DEADLINE);
    assert.equal(typeof seen.headers['berth-routes'], 'string');
    assert.match(String(second), /^[0-9a-z]{13}$/);
    await requestPool();
    assert.ok(String(seen.headers['berth-request']) > String(second), 'sequences grow');
  });

  const answers: readonly [string, RequestListener, RegExp, 'open' | 'closed'][] = [
    ['a page', (_, response) => response.end('<html>log in</html>'), /HTTP 200: <html>log in.*captive portal/, 'open'],
    ['JSON that is not an object', (_, response) => response.end('[]'), /answered HTTP 200: \[\]/, 'open'],
    ['an answer without a pool', (_, response) => response.end('{}'), /answered HTTP 200: {}/, 'open'],
    ['nothing', (_, response) => response.end(), /answered HTTP 200: /, 'open'],
    [
      'a redirect',
      (_, response) => response.writeHead(302, { location: 'http://portal' }).end(),
      /answered HTTP 302: , which is a web page and not from Berth; check whether a captive portal/,
      'closed',
    ],
    [
      'a refused signature',
      (_, response) => response.writeHead(403).end('{"Message":"Forbidden"}'),
      /answered HTTP 403: {"Message":"Forbidden"}; check this host's clock, its AWS credentials, and that its policy/,
      'closed',
    ],
    [
      'throttling',
      (_, response) => response.writeHead(429).end('{"Reason":"ConcurrentInvocationLimitExceeded"}'),
      /^AWS throttles Berth's functions at .* \(HTTP 429\): raise the functions' reserved concurrency or/,
      'closed',
    ],
    [
      'an error that the function reports',
      (_, response) => response.writeHead(500).end('{"Error":"Berth failed to answer"}'),
      /^Berth failed to answer \(tried \d+ times\)$/,
      'open',
    ],
    ['HTTP 502', (_, response) => response.writeHead(502).end('no'), /answered HTTP 502: no/, 'open'],
    [
      'functions of another version',
      (_, response) => response.writeHead(404).end('{"Err":"no such method"}'),
      /answered HTTP 404: .*; check that --endpoint is the capabilities function of this version of Berth/,
      'closed',
    ],
    [
      'a broken connection',
      (request) => request.socket.destroy(),
      /cannot be reached at unix:.*: socket hang up/,
      'open',
    ],
    [
      'silence',
      () => undefined,
      /^Berth's functions at unix:.*: no answer within [\d.]+ s; either they hang or the network drops packets, so check/,
      'open',
    ],
    [
      'half an answer',
      (_, response) => {
        response.writeHead(200, { 'content-length': 100 }).write('{"a');
        setTimeout(() => response.destroy(), 20);
      },
      /cannot be reached at unix:.*: aborted/,
      'open',
    ],
  ];
  for (const [what, listener, words, fate] of answers) {
    it(`reports ${what} clearly to dockerd, and ${fate === 'open' ? 'settles the call' : 'knows that nothing was done'}`, async () => {
      respond = listener;
      berth = await startBerth(shimArguments());
      const { status, json } = await requestPool();
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(json), ['Error']);
      assert.match(String(json['Error']), words);
      await drained();
      assert.equal(own.length >= 2, fate === 'open', `settled ${own.length} times`);
    });
  }

  it('retries a call that may still succeed, with the same key', async () => {
    const seen: unknown[] = [];
    respond = (request, response) => {
      const { 'berth-request': key, 'berth-attempt': attempt } = request.headers;
      seen.push([key, attempt]);
      if (seen.length === 1) response.writeHead(429).end('{}');
      else response.end('{"PoolID":"x","Pool":"10.0.0.0/24"}');
    };
    berth = await startBerth(shimArguments());
    assert.equal((await requestPool()).json['PoolID'], 'x');
    const [[key]] = v.parse(pairs, seen);
    assert.deepEqual(seen, [
      [key, '1'],
      [key, '2'],
    ]);
  });

  it('does not repeat a refused call', async () => {
    let calls = 0;
    respond = (_, response) => {
      calls++;
      response.end('{"Error":"Pool overlaps with other one on this address space"}');
    };
    berth = await startBerth(shimArguments());
    assert.match(String((await requestPool()).json['Error']), /^Pool overlaps/);
    assert.equal(calls, 1);
  });

  it('ends a loop in which dockerd rejects every automatic pool', async () => {
    let pools = 0;
    respond = (_, response) => response.end(JSON.stringify({ PoolID: `p${++pools}`, Pool: '10.0.0.0/24' }));
    berth = await startBerth(shimArguments());
    const granted = await Promise.all(Array.from({ length: 16 }, requestPool));
    for (const { json } of granted) assert.equal(json['Error'], undefined);
    assert.match(String((await requestPool()).json['Error']), /^dockerd asked for 16 automatic pools within 5 s/);
    assert.equal(pools, 16);
  });

  it('answers the call in flight when it gets the signal to stop', async () => {
    const shim = await startBerth(shimArguments());
    let stopped: Promise<number | null> | undefined;
    respond = (_, response) => {
      stopped = shim.stop();
      setTimeout(() => response.end('{"PoolID":"x","Pool":"10.0.0.0/24"}'), 300);
    };
    assert.equal((await requestPool()).json['PoolID'], 'x');
    assert.equal(await stopped, 0);
  });

  it('does not treat another server as Berth', async () => {
    upstream.removeAllListeners('request');
    upstream.on('request', (_, response) => response.end('{"hello":"world"}'));
    const { code, err } = await runBerth(shimArguments());
    assert.equal(code, 1);
    assert.match(err, /^berth: unexpected response from unix:.*, not from Berth: {"hello":"world"}$/m);
  });
});
