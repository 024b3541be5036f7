import assert from 'node:assert/strict';
import dns from 'node:dns';
import { type RequestListener, type Server, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type Socket, createServer as createRawServer } from 'node:net';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import { freePort } from '../../../../infra/local/engine.ts';
import { type Answer, Transport, TransportError } from '../../../../shim/cloud/transport.ts';
import { judgeError } from '../../../../shim/cloud/verdict.ts';
import { type Endpoint, parseEndpoint } from '../../../../shim/endpoint.ts';
import { listen } from '../../../support/http.ts';
import { TIMEOUT } from '../outbox-stage.ts';
import { temporaryFolder } from '../temporary.ts';
import { untrusted } from './untrusted.ts';

/** ms. No test waits for this long. */
const LONG = 60_000;

interface Served {
  readonly endpoint: Endpoint;
  readonly server: Server;
  /** Every connection that was made. */
  readonly connections: Socket[];
}

/** A server on a Unix socket, closed after the test. */
async function serve(t: TestContext, listener: RequestListener): Promise<Served> {
  const socket = path.join(await temporaryFolder(t), 'up.sock');
  const server = createServer(listener);
  const connections: Socket[] = [];
  server.on('connection', (connection) => connections.push(connection));
  await listen(t, server, socket);
  return { endpoint: parseEndpoint(`unix:${socket}`), server, connections };
}

const post = (transport: Transport, endpoint: Endpoint, timeout = LONG, text = '{}'): Promise<Answer> =>
  transport.post({
    endpoint,
    path: '/IpamDriver.RequestPool',
    headers: { host: 'functions', 'berth-host': 'a' },
    body: Buffer.from(text),
    timeout,
  });

async function failure(posted: Promise<Answer>): Promise<TransportError> {
  const error: unknown = await posted.catch((reason: unknown) => reason);
  assert.ok(error instanceof TransportError, String(error));
  return error;
}

async function ended(socket: Socket | undefined): Promise<void> {
  assert.ok(socket !== undefined);
  if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
}

describe('an exchange', { timeout: TIMEOUT }, () => {
  for (const [address, family] of [
    ['127.0.0.1', 'IPv4'],
    ['::1', 'IPv6'],
  ] as const) {
    it(`with a name under localhost goes to this machine without DNS: ${family}`, async (t) => {
      const server = createServer((request, response) => response.end(request.headers.host));
      const port = await listen(t, server, { port: 0, host: address, ipv6Only: true });
      const lookup = t.mock.method(dns, 'lookup', () => assert.fail('DNS was asked'));
      const { status } = await post(new Transport(), parseEndpoint(`http://abc.execute-api.localhost:${port}`));
      assert.equal(status, 200);
      assert.equal(lookup.mock.callCount(), 0);
    });
  }

  it('carries path, headers and body unchanged, and adds no header', async (t) => {
    let seen: unknown;
    const { endpoint } = await serve(t, (request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString()));
      request.on('end', () => {
        seen = [request.method, request.url, request.headers, body];
        response.writeHead(418, { date: 'now' }).end('Zürich');
      });
    });
    const { status, headers, body } = await post(new Transport(), endpoint, LONG, 'Genève');
    assert.deepEqual([status, headers['date'], body], [418, 'now', 'Zürich']);
    const own = { host: 'functions', 'berth-host': 'a', 'content-length': '7', connection: 'keep-alive' };
    assert.deepEqual(seen, ['POST', '/IpamDriver.RequestPool', own, 'Genève']);
  });

  it('reuses the connection of the previous exchange', async (t) => {
    const { endpoint, connections } = await serve(t, (_, response) => response.end('{}'));
    const transport = new Transport();
    for (let i = 0; i < 5; i++) await post(transport, endpoint);
    assert.equal(connections.length, 1);
  });

  it('does not reuse the connection of an exchange that was given up, and closes it', async (t) => {
    let answers = 0;
    const { endpoint, connections } = await serve(t, (_, response) => {
      if (++answers > 1) response.end('{}');
    });
    const transport = new Transport();
    await failure(post(transport, endpoint, 20));
    await ended(connections[0]);
    await post(transport, endpoint);
    assert.equal(connections.length, 2);
  });

  it('accepts an answer that arrives before the request was read', async (t) => {
    const { endpoint } = await serve(t, (_, response) => response.end('{}'));
    const transport = new Transport();
    for (let i = 0; i < 3; i++) assert.equal((await post(transport, endpoint, LONG, 'x'.repeat(60_000))).body, '{}');
  });
});

describe('an exchange that fails', { timeout: TIMEOUT }, () => {
  it('was not sent when no server listens', async (t) => {
    const socket = path.join(await temporaryFolder(t), 'none.sock');
    const error = await failure(post(new Transport(), parseEndpoint(`unix:${socket}`)));
    assert.deepEqual([error.code, error.isSent], ['ENOENT', false]);
  });

  it('was not sent when the connection is refused', async () => {
    const error = await failure(post(new Transport(), parseEndpoint(`http://127.0.0.1:${await freePort()}`)));
    assert.deepEqual([error.code, error.isSent], ['ECONNREFUSED', false]);
  });

  it('was sent when the connection breaks after the request', async (t) => {
    const { endpoint } = await serve(t, (request) => request.socket.destroy());
    const error = await failure(post(new Transport(), endpoint));
    assert.deepEqual([error.code, error.isSent], ['ECONNRESET', true]);
  });

  it('was sent when a kept connection breaks', async (t) => {
    let answers = 0;
    const { endpoint } = await serve(t, (request, response) => {
      if (++answers === 1) response.end('{}');
      else request.socket.destroy();
    });
    const transport = new Transport();
    await post(transport, endpoint);
    assert.equal((await failure(post(transport, endpoint))).isSent, true);
  });

  it('was sent when half an answer arrives', async (t) => {
    const { endpoint } = await serve(t, (_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"a', () => response.destroy());
    });
    assert.equal((await failure(post(new Transport(), endpoint))).isSent, true);
  });

  it('was sent when the answer is not HTTP', async (t) => {
    const socket = path.join(await temporaryFolder(t), 'raw.sock');
    const server = createRawServer((connection) => {
      connection.on('error', () => undefined);
      connection.once('data', () => connection.end('SSH-2.0-OpenSSH_9.2\r\n'));
    });
    await listen(t, server, socket);
    const error = await failure(post(new Transport(), parseEndpoint(`unix:${socket}`)));
    assert.match(error.code, /^HPE_/);
    assert.equal(error.isSent, true);
  });

  it('was sent when its time is over, and the error names the time to the millisecond', async (t) => {
    const { endpoint, connections } = await serve(t, () => undefined);
    const error = await failure(post(new Transport(), endpoint, 20.123_456));
    assert.deepEqual([error.code, error.isSent, error.message], ['TIMEOUT', true, 'no answer within 0.02 s']);
    await ended(connections[0]);
  });

  it('has its time limit for the whole answer, not only for its start', async (t) => {
    const { endpoint, connections } = await serve(t, (_, response) => {
      response.writeHead(200).write('{');
    });
    assert.equal((await failure(post(new Transport(), endpoint, 50))).code, 'TIMEOUT');
    await ended(connections[0]);
  });

  it('rejects an answer that is larger than any of a function', async (t) => {
    const { endpoint } = await serve(t, (_, response) => response.end('x'.repeat(1_048_577)));
    const error = await failure(post(new Transport(), endpoint));
    assert.deepEqual([error.code, error.isSent], ['TOO_LARGE', true]);
  });

  it('accepts the largest answer allowed', async (t) => {
    const { endpoint } = await serve(t, (_, response) => response.end('x'.repeat(1_048_576)));
    assert.equal((await post(new Transport(), endpoint)).body.length, 1_048_576);
  });

  it('ends an endless answer when its time is over', async (t) => {
    const { endpoint, connections } = await serve(t, (_, response) => {
      const more = (error?: Error | null): void => {
        if (error === undefined || error === null) response.write('x'.repeat(65_536), more);
      };
      more();
    });
    assert.equal((await failure(post(new Transport(), endpoint, 100))).code, 'TIMEOUT');
    await ended(connections[0]);
  });

  it('was not sent to a server with an untrusted certificate, and the error names the remedy', async (t) => {
    let requests = 0;
    const server = createTlsServer(untrusted, (_, response) => {
      requests++;
      response.end('{}');
    });
    const endpoint = parseEndpoint(`https://localhost:${await listen(t, server)}`);
    const error = await failure(post(new Transport(), endpoint));
    assert.equal(error.isSent, false);
    const { reason, isOpen } = judgeError(endpoint, error);
    assert.match(reason, /the server certificate is not trusted; .*name its CA in NODE_EXTRA_CA_CERTS$/);
    assert.deepEqual([isOpen, requests], [false, 0]);
  });

  it('does not disturb other exchanges on their connections', async (t) => {
    const { endpoint } = await serve(t, (request, response) => {
      request.resume();
      if (request.headers['content-length'] === '1') request.socket.destroy();
      else setImmediate(() => response.end('{}'));
    });
    const transport = new Transport();
    const all = Array.from({ length: 60 }, (_, i) => post(transport, endpoint, LONG, i % 3 === 0 ? 'x' : '{}'));
    const fates = (await Promise.allSettled(all)).map(({ status }) => status);
    assert.deepEqual(
      fates,
      fates.map((_, i) => (i % 3 === 0 ? 'rejected' : 'fulfilled')),
    );
  });
});
