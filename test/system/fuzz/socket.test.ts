/** Input on the plugin's socket, whether or not it is HTTP. Berth must continue and answer the next valid call. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import * as v from 'valibot';
import { startEngine } from '../../../infra/local/engine.ts';
import { type Berth, callPlugin, startBerth, temporaryFolders } from '../../support/berth-process.ts';
import { MAC } from '../../support/fleet.ts';
import { localClient } from '../../support/engine-store.ts';
import { anyText, bytesOf, messageOf } from './support/arbitraries.ts';
import { METHOD_NAMES } from './support/border.ts';
import { refusalIn } from './support/clear.ts';
import { fieldsOf } from './support/messages.ts';
import { answersIn, bodyOf, exchange, leaveHanging, requestText } from './support/raw.ts';
import { POST, SOUND, SOUND_ALL_THE_SAME, UNSOUND } from './support/requests.ts';
import { type Contents, SAME, difference, readContents } from './support/table.ts';

const RUNS = 100;
/** Fewer runs, since each call goes through the journal on the disk. */
const MESSAGE_RUNS = 40;
const TABLE = 'berth';

let client: DynamoDBClient;
let berth: Berth;
let socket: string;
let poolId: string;
const undo: (() => unknown)[] = [];

before(async () => {
  const engine = await startEngine(undefined);
  undo.push(() => engine.stop());
  client = localClient(engine.url);
  const folders = temporaryFolders();
  undo.push(() => {
    folders.remove();
  });
  const { data, sockets } = folders;
  berth = await startBerth(['up', '--data', data, '--sockets', sockets, '--host-id', 'a', '--dynamodb', engine.url]);
  undo.push(() => berth.stop());
  socket = path.join(sockets, 'berth.sock');
  const pool = { AddressSpace: 'default', Pool: '10.1.0.0/16' };
  poolId = String((await callPlugin(socket, 'IpamDriver.RequestPool', pool)).json['PoolID']);
  // From now on only calls change anything.
  while (![...(await contents()).all].some((item) => item.includes('"sk":"host#a"'))) await delay(20);
});

after(async () => {
  for (const step of undo.reverse()) await step();
});

afterEach(answersNextCall);

async function answersNextCall(): Promise<void> {
  const { json } = await callPlugin(socket, 'IpamDriver.RequestAddress', { PoolID: poolId, Address: '', Options: MAC });
  assert.match(String(json['Address']), /^10\.1\.\d+\.\d+\/16$/);
  assert.equal(berth.process.exitCode, null);
}

const contents = (): Promise<Contents> => readContents(client, TABLE);

async function changesNothing(action: () => Promise<unknown>): Promise<void> {
  const seen = await contents();
  await action();
  assert.deepEqual(difference(seen.all, (await contents()).all), SAME);
}

/** The plugin's answers to bytes, without errors of HTTP itself. */
const said = async (parts: readonly (Buffer | string)[], end?: boolean): Promise<Record<string, unknown>[]> =>
  answersIn(await exchange(socket, parts, end))
    .map(bodyOf)
    .filter((body) => body !== undefined);

/** How often the plugin has refused. @throws AssertionError when it has carried something out. */
async function refused(parts: readonly (Buffer | string)[], end?: boolean): Promise<number> {
  const bodies = await said(parts, end);
  for (const body of bodies) assert.match(Object.keys(body).join(), /^Err(or)?$/);
  return bodies.length;
}

describe('bytes that are not a request', () => {
  it('are answered with HTTP 400 or not at all', async () => {
    const bytes = fc.oneof(
      bytesOf(300),
      fc.constantFrom(
        Buffer.alloc(1_000),
        Buffer.from('\x16\x03\x01\x02\0\x01\0'),
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      ),
    );
    await changesNothing(() =>
      fc.assert(
        fc.asyncProperty(bytes, async (sent) => {
          await refused([sent], true);
        }),
        { numRuns: RUNS },
      ),
    );
  });

  it('are answered with HTTP 400 or not at all where a valid request is cut off', async () => {
    const sound = requestText(POST, SOUND);
    await changesNothing(async () => {
      for (let length = 0; length < sound.length; length += 7) await refused([sound.subarray(0, length)], true);
    });
  });

  it('do not block other calls while they hang', async () => {
    const sound = requestText(POST, SOUND);
    assert.ok(sound.length > 150);
    const hanging = await Promise.all(
      Array.from({ length: 50 }, (_, i) => leaveHanging(socket, sound.subarray(0, i * 3))),
    );
    await answersNextCall();
    for (const hangUp of hanging) hangUp();
  });
});

describe('a request line and headers of any kind', () => {
  const verb = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom('POST', 'GET', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'post', ''),
    },
    anyText,
  );
  const target = fc.oneof(
    fc.constantFrom(...['RequestPool', 'ReleasePool', 'RequestAddress'].map((method) => `/IpamDriver.${method}`)),
    fc.constantFrom('/__proto__', '/constructor', '*', '//', '/../x', '', '/%2e%2e/%00', `/${'x'.repeat(3_000)}`),
    fc.constantFrom('http://evil/IpamDriver.RequestPool', '/IpamDriver.RequestPool?x=1', '/IpamDriver.RequestPool#x'),
    anyText,
  );
  const version = fc.oneof(
    { weight: 6, arbitrary: fc.constant('HTTP/1.1') },
    fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.1\r\n', 'http/1.1', ''),
  );
  const names = fc.constantFrom('berth-host', 'Content-Length', 'Transfer-Encoding', 'Expect', 'Connection', 'x');
  const value = fc.oneof(fc.constantFrom('1', 'close', 'chunked', '100-continue', 'a, b'), anyText);
  const field = fc.tuple(fc.oneof(names, anyText), value).map((parts) => parts.join(': '));

  it('are refused as invalid HTTP, as an unknown path, or for their contents', async () => {
    const request = fc.tuple(verb, target, version, fc.array(field, { maxLength: 3 }), bytesOf(100));
    const seen = { answered: 0, unanswered: 0 };
    await changesNothing(() =>
      fc.assert(
        fc.asyncProperty(request, async ([method, at, http, fields, body]) => {
          const head = [`${method} ${at} ${http}`, 'Host: x', 'Connection: close', ...fields];
          const text = `${head.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n`;
          if ((await refused([text, body], true)) > 0) seen.answered++;
          else seen.unanswered++;
        }),
        { numRuns: 3 * RUNS },
      ),
    );
    assert.ok(seen.answered > 0 && seen.unanswered > 0, JSON.stringify(seen));
  });
});

describe('a message with random fields', () => {
  const fields = fieldsOf(() => poolId);
  for (const method of METHOD_NAMES) {
    it(`gets an answer from ${method}, or only a refusal`, async () => {
      await fc.assert(
        fc.asyncProperty(messageOf(fields[method]), async (body) => {
          const seen = await contents();
          const { status, json } = await callPlugin(socket, `IpamDriver.${method}`, body);
          if (refusalIn(status, json) === undefined) return;
          assert.deepEqual(difference(seen.held, (await contents()).held), SAME);
        }),
        { numRuns: MESSAGE_RUNS },
      );
    });
  }
});

describe('a request that is refused, and changes nothing, has', () => {
  for (const [what, parts] of Object.entries(UNSOUND)) {
    it(what, () => changesNothing(() => refused(parts)));
  }
});

describe('a request is carried out', () => {
  for (const [what, parts] of Object.entries(SOUND_ALL_THE_SAME)) {
    it(what, async () => {
      const [body, ...more] = await said(parts);
      assert.match(String(body?.['PoolID']), /^berth2,default,/);
      assert.deepEqual(more, []);
    });
  }

  it('with others before and behind it on one connection, each answered in order', async () => {
    const sent = ['', '{', SOUND, '[]', SOUND].map((body, i) => {
      const text = requestText(POST, body).toString();
      return i < 4 ? text.replace('Connection: close', 'Connection: keep-alive') : text;
    });
    const told = (await said([sent.join('')])).map((body) => String(body['Error'] ?? body['Pool']));
    const expected = [/has no body/, /is not JSON/, /^10\.2\./, /is malformed/, /^10\.2\./];
    assert.equal(told.length, expected.length);
    for (const [i, words] of expected.entries()) assert.match(told[i] ?? '', words);
  });
});

describe("Berth's log of all these calls", () => {
  it('has one JSON object per line', () => {
    const event = v.looseObject({ level: v.union([v.string(), v.number()]) });
    // When the random choice of a subnet finds a space full, that is counted on a separate line.
    const metric = v.looseObject({ _aws: v.looseObject({ Timestamp: v.number() }) });
    const line = v.pipe(v.string(), v.parseJson(), v.union([event, metric]));
    const lines = berth.log().trimEnd().split('\n');
    assert.ok(lines.length > 50);
    for (const text of lines) assert.ok(v.is(line, text), text);
  });

  it('has no internal error', () => {
    const lines = berth.log().split('\n');
    // A release that no function accepts is left to an operator, and is not an internal error.
    const faults = lines.filter((text) => /"level":("error"|50|60)/.test(text) && !text.includes('dead letters'));
    assert.deepEqual(faults, []);
  });
});
