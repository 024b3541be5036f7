/**
 * A program that may open the plugin's socket still cannot speak for the host: only the shim sets the headers that reach a
 * function, whatever headers come with the call, and one call becomes one request.
 */
import assert from 'node:assert/strict';
import { type IncomingHttpHeaders, createServer } from 'node:http';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { closeServer } from '../../../shim/close-server.ts';
import { startBerth, temporaryFolders } from '../../support/berth-process.ts';
import { answersIn, bodyOf, exchange, inChunks, requestText } from './support/raw.ts';

const RUNS = 150;
const HOST = 'web-1';
const BODY = '{"AddressSpace":"default","Pool":"10.0.0.0/24","PoolID":"x"}';
/** A mark in every value that the caller sends. */
const MARK = 'intruder';

interface Arrival {
  readonly url: string | undefined;
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const folders = temporaryFolders();
const undo: (() => unknown)[] = [
  () => {
    folders.remove();
  },
];
let arrivals: Arrival[] = [];

const endpoint = (): string => path.join(folders.data, '../functions.sock');

const ANSWERS: Readonly<Record<string, object>> = {
  '/Berth.Handshake': {
    Capabilities: { RequiresMACAddress: true, RequiresRequestReplay: false },
    AddressSpaces: { LocalDefaultAddressSpace: 'default', GlobalDefaultAddressSpace: 'global' },
  },
  '/Berth.Register': { Incarnation: 'x', Epoch: 1, Floor: '000000000', HeartbeatSeconds: 600, Fresh: false },
  '/IpamDriver.RequestPool': { PoolID: 'x', Pool: '10.0.0.0/24', Data: {} },
  '/IpamDriver.RequestAddress': { Address: '10.0.0.5/24', Data: {} },
};

before(async () => {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local', AWS_REGION: 'local' });
  const functions = createServer((request, response) => {
    const { url = '', method, headers } = request;
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      if (url.startsWith('/IpamDriver.')) arrivals.push({ url, method, headers, body });
      const at = `unix:${endpoint()}`;
      const where = { Pools: at, Addresses: at, Hosts: at };
      response.end(JSON.stringify({ ...ANSWERS[url], ...(url === '/Berth.Handshake' && { Functions: where }) }));
    });
  });
  await new Promise<void>((resolve) => functions.listen(endpoint(), resolve));
  undo.push(async () => {
    functions.closeAllConnections();
    await closeServer(functions);
  });
  const { data, sockets } = folders;
  const shim = ['shim', '--data', data, '--sockets', sockets, '--host-id', HOST, '--endpoint', `unix:${endpoint()}`];
  const berth = await startBerth(shim);
  undo.push(() => berth.stop());
});

beforeEach(() => {
  arrivals = [];
});

after(async () => {
  for (const step of undo.reverse()) await step();
});

const METHODS = ['RequestPool', 'RequestAddress'] as const;
const line = (method: string, verb = 'POST'): string => `${verb} /IpamDriver.${method} HTTP/1.1`;

const said = async (request: Buffer, driver = 'berth'): Promise<(Record<string, unknown> | undefined)[]> =>
  answersIn(await exchange(path.join(folders.sockets, `${driver}.sock`), [request])).map(bodyOf);

/** The only request that a call has caused. */
function arrived(): Arrival {
  const [only, ...more] = arrivals;
  assert.deepEqual(more, []);
  return only ?? assert.fail('nothing arrived');
}

const OURS = ['host', 'epoch', 'driver', 'request', 'attempt', 'remaining-ms', 'routes', 'nameservers', 'space'];

function assertOurs({ headers }: Arrival, driver: string): void {
  const { 'berth-host': host, 'berth-epoch': epoch, 'berth-driver': as, 'berth-attempt': attempt } = headers;
  assert.deepEqual({ host, epoch, as, attempt }, { host: HOST, epoch: '1', as: driver, attempt: '1' });
  assert.match(String(headers['berth-request']), /^[0-9a-z]{13}$/);
  assert.match(String(headers['berth-remaining-ms']), /^\d{1,5}$/);
  assert.doesNotMatch(JSON.stringify(headers), new RegExp(MARK, 'i'));
}

describe('the headers that reach a function', () => {
  const capitals = (name: string): fc.Arbitrary<string> =>
    fc.mixedCase(fc.constant(name)).filter((mixed) => mixed !== '');
  const name = fc.oneof(
    fc.constantFrom(...OURS.map((end) => `berth-${end}`)).chain(capitals),
    fc.constantFrom('Authorization', 'X-Amz-Date', 'X-Forwarded-For', 'Content-Type', 'User-Agent', 'Cookie', 'TE'),
    fc.constantFrom('Content-Encoding', 'Trailer', 'X-HTTP-Method-Override', 'Forwarded', '__proto__', 'constructor'),
  );
  const value = fc.constantFrom(MARK, `${MARK},web-1`, `${MARK}; x="\t"`, `${MARK}\xe9\xff`, `a${MARK.repeat(200)}`);
  const fields = fc.array(fc.tuple(name, value), { maxLength: 8 });

  it('are those of the shim, whatever headers the call has', async () => {
    await fc.assert(
      fc.asyncProperty(
        fields,
        fc.constantFrom(...METHODS),
        fc.constantFrom('berth', 'berth-ipvlan'),
        async (sent, method, driver) => {
          arrivals = [];
          const lines = sent.map(([key, text]) => `${key}: ${text}`);
          const request = requestText(line(method), BODY, [...lines, `Content-Length: ${BODY.length}`]);
          assert.deepEqual(await said(request, driver), [ANSWERS[`/IpamDriver.${method}`]]);
          assertOurs(arrived(), driver);
          assert.equal(arrived().body, BODY);
        },
      ),
      { numRuns: RUNS },
    );
  });

  const odd: Readonly<Record<string, readonly string[]>> = {
    'asks to drop some of them': [`Connection: berth-host, berth-driver, ${MARK}`],
    'asks for another protocol': [`Upgrade: ${MARK}`, 'Connection: upgrade'],
    'names a host': [`X-Forwarded-Host: ${MARK}`],
    'expects 100-continue': ['Expect: 100-continue', `X: ${MARK}`],
    'has the maximum number of headers': Array.from({ length: 60 }, (_, i) => `berth-host: ${MARK}${i}`),
  };
  for (const [what, lines] of Object.entries(odd)) {
    it(`are those of the shim when the call ${what}`, async () => {
      const request = requestText(line('RequestPool'), BODY, [...lines, `Content-Length: ${BODY.length}`]);
      assert.deepEqual((await said(request)).at(-1), ANSWERS['/IpamDriver.RequestPool']);
      assertOurs(arrived(), 'berth');
    });
  }

  it('are those of the shim when the call has trailers', async () => {
    const chunks = inChunks(BODY).replace(/\r\n$/, `berth-host: ${MARK}\r\nberth-driver: ${MARK}\r\n\r\n`);
    const request = requestText(line('RequestPool'), chunks, ['Transfer-Encoding: chunked', 'Trailer: berth-host']);
    assert.deepEqual(await said(request), [ANSWERS['/IpamDriver.RequestPool']]);
    assertOurs(arrived(), 'berth');
    assert.equal(arrived().body, BODY);
  });
});

describe('a request that hides in another', () => {
  const hidden = requestText(line('RequestAddress'), BODY, [`berth-host: ${MARK}`, `Content-Length: ${BODY.length}`]);
  const framings: Readonly<Record<string, (text: string) => Buffer>> = {
    'by its length': (verb) => requestText(line('RequestPool', verb), hidden),
    'in a chunk': (verb) =>
      requestText(line('RequestPool', verb), inChunks(hidden.toString()), ['Transfer-Encoding: chunked']),
    'behind another transfer coding': (verb) =>
      requestText(line('RequestPool', verb), inChunks(hidden.toString()), ['Transfer-Encoding: gzip, chunked']),
    'behind an empty body': (verb) => requestText(line('RequestPool', verb), hidden, ['Content-Length: 0']),
    'by two framings': (verb) =>
      requestText(line('RequestPool', verb), inChunks(hidden.toString()), [
        'Transfer-Encoding: chunked',
        'Content-Length: 0',
      ]),
  };
  for (const verb of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'GET']) {
    for (const [what, frame] of Object.entries(framings)) {
      it(`${what} of a ${verb} does not reach a function as a second request`, async () => {
        await said(frame(verb));
        for (const arrival of arrivals) {
          assertOurs(arrival, 'berth');
          assert.equal(arrival.url, '/IpamDriver.RequestPool');
          assert.equal(arrival.method, 'POST');
        }
        assert.ok(arrivals.length <= 1);
      });
    }
  }

  it('does not reach a function when the call uses a method other than POST', async () => {
    for (const verb of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const [body] = await said(requestText(line('RequestPool', verb), BODY));
      assert.equal(body?.['Error'], `the HTTP method is ${verb}, but dockerd uses POST`);
    }
    assert.deepEqual(arrivals, []);
  });
});
