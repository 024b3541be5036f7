/** The shim in front of functions that are slow, broken, or not functions at all. */
import assert from 'node:assert/strict';
import { type RequestListener, type Server, createServer } from 'node:http';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { closeServer } from '../../shim/close-server.ts';
import {
  type Berth,
  type Folders,
  callPlugin,
  runBerth,
  startBerth,
  temporaryFolders,
} from '../support/berth-process.ts';

let folders: Folders;
let upstream: Server;
let berth: Berth | undefined;
let respond: RequestListener;

const endpoint = (): string => `unix:${path.join(folders.data, '../up.sock')}`;
const shimArguments = (): string[] => {
  const { data, sockets } = folders;
  return ['shim', '--data', data, '--sockets', sockets, '--host-id', 'a', '--endpoint', endpoint()];
};

const handshake = () => ({
  Capabilities: { RequiresMACAddress: true, RequiresRequestReplay: false },
  AddressSpaces: { LocalDefaultAddressSpace: 'default', GlobalDefaultAddressSpace: 'global' },
  Functions: { Pools: endpoint(), Addresses: endpoint() },
});

beforeEach(async () => {
  folders = temporaryFolders();
  berth = undefined;
  upstream = createServer((request, response) => {
    if (request.url === '/Berth.Handshake') response.end(JSON.stringify(handshake()));
    else respond(request, response);
  });
  await new Promise<void>((resolve) => upstream.listen(endpoint().slice('unix:'.length), resolve));
});

afterEach(async () => {
  await berth?.stop();
  upstream.closeAllConnections();
  await closeServer(upstream);
  folders.remove();
});

const requestPool = () =>
  callPlugin(path.join(folders.sockets, 'berth.sock'), 'IpamDriver.RequestPool', { AddressSpace: 'default' });

describe('the shim', () => {
  it('sends path and body on unchanged, with what the host adds in headers', async () => {
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
    assert.deepEqual([host, driver, attempt, epoch], ['a', 'berth', '1', '1']);
    assert.equal(seen.headers['berth-remaining-ms'], '20000');
    assert.equal(typeof seen.headers['berth-routes'], 'string');
    assert.match(String(second), /^[0-9a-z]{13}$/);
    await requestPool();
    assert.ok(String(seen.headers['berth-request']) > String(second), 'sequences grow');
  });

  const answers: readonly [string, RequestListener, RegExp][] = [
    ['a page', (_, response) => response.end('<html>log in</html>'), /answered HTTP 200: <html>log in/],
    ['JSON that is no object', (_, response) => response.end('[]'), /answered HTTP 200: \[\]/],
    ['nothing', (_, response) => response.end(), /answered HTTP 200: $/],
    [
      'HTTP 403',
      (_, response) => response.writeHead(403).end('{"Message":"Forbidden"}'),
      /answered HTTP 403: {"Message":"Forbidden"}/,
    ],
    [
      'a fault that the function tells of itself',
      (_, response) => response.writeHead(500).end('{"Error":"Berth failed to answer"}'),
      /^Berth failed to answer$/,
    ],
    ['HTTP 502', (_, response) => response.writeHead(502).end('no'), /answered HTTP 502: no/],
    ['a broken connection', (request) => request.socket.destroy(), /cannot be reached at unix:.*: socket hang up/],
    [
      'half an answer',
      (_, response) => {
        response.writeHead(200, { 'content-length': 100 }).write('{"a');
        setTimeout(() => response.destroy(), 20);
      },
      /cannot be reached at unix:.*: aborted/,
    ],
  ];
  for (const [what, listener, words] of answers) {
    it(`tells dockerd clearly of ${what}`, async () => {
      respond = listener;
      berth = await startBerth(shimArguments());
      const { status, json } = await requestPool();
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(json), ['Error']);
      assert.match(String(json['Error']), words);
    });
  }

  it('answers the call that is under way when it is told to stop', async () => {
    const shim = await startBerth(shimArguments());
    let stopped: Promise<number | null> | undefined;
    respond = (_, response) => {
      stopped = shim.stop();
      setTimeout(() => response.end('{"PoolID":"x","Pool":"10.0.0.0/24"}'), 300);
    };
    assert.equal((await requestPool()).json['PoolID'], 'x');
    assert.equal(await stopped, 0);
  });

  it('does not take another server for Berth', async () => {
    upstream.removeAllListeners('request');
    upstream.on('request', (_, response) => response.end('{"hello":"world"}'));
    const { code, err } = await runBerth(shimArguments());
    assert.equal(code, 1);
    assert.match(
      err,
      /^berth: the capabilities function does not answer at .*: this is no answer of Berth: {"hello":"world"}$/m,
    );
  });
});
