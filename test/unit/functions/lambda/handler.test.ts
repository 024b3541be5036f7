import assert from 'node:assert/strict';
import { type TestContext, describe, it } from 'node:test';
import * as v from 'valibot';
import { Refusal } from '../../../../functions/ipam/refusal.ts';
import {
  type Method,
  type Request,
  handle,
  parseAs,
  parseCall,
  parseMessage,
} from '../../../../functions/lambda/handler.ts';
import { MAX_BODY_BYTES } from '../../../../protocol/limits.ts';
import { CALL_HEADERS, PRINCIPAL, answerOf, captureLog, contextWith, eventOf } from './event.ts';

const NO_BODY =
  'the request has no body, which happens when dockerd repeats a request after a broken connection; try again';

const PATH = '/IpamDriver.Echo';
const NOW = Date.UTC(2026, 0, 1);

const schema = v.object({ Pool: v.string(), Inner: v.optional(v.object({ List: v.array(v.number()) })) });
const echo: Method = (request) => ({ Echoed: parseMessage(schema, request) });

type EventPart = Parameters<typeof eventOf>[1];

async function call(method: Method, part?: EventPart, path = PATH) {
  return answerOf(await handle({ [PATH]: method })(eventOf(path, part), contextWith(10_000)));
}

/** The error of a refused request; the log is not shown. */
const refusal = (t: TestContext, method: Method, part: EventPart): Promise<unknown> => errorText(t, method, part, 200);

/** The error when the fault is Berth's. */
const fault = (t: TestContext, method: Method, part: EventPart): Promise<unknown> => errorText(t, method, part, 500);

async function errorText(t: TestContext, method: Method, part: EventPart, expected: number): Promise<unknown> {
  captureLog(t);
  const { status, body } = await call(method, part);
  assert.equal(status, expected);
  assert.deepEqual(Object.keys(body), ['Error']);
  return body['Error'];
}

/** The request as a method receives it. */
async function received(part: EventPart, remaining: number): Promise<Request> {
  let seen: Request | undefined;
  const method: Method = (request) => {
    seen = request;
    return {};
  };
  await handle({ [PATH]: method })(eventOf(PATH, part), contextWith(remaining));
  return seen ?? assert.fail('the method was not called');
}

describe('a request', () => {
  it('is answered with 200 and what its method returns, at once or later', async () => {
    const body = '{"Pool":"10.0.0.0/24"}';
    assert.deepEqual(await call(echo, { body }), { status: 200, body: { Echoed: { Pool: '10.0.0.0/24' } } });
    const later: Method = (request) => Promise.resolve(echo(request));
    assert.deepEqual(await call(later, { body }), { status: 200, body: { Echoed: { Pool: '10.0.0.0/24' } } });
  });

  it('is routed by its whole path, and not to a property that every object has', async () => {
    const paths = ['/', '', '/IpamDriver.Ech', '/IpamDriver.echo', `${PATH}/`, `x${PATH}`, 'constructor', '__proto__'];
    for (const path of [...paths, 'toString', '/Plugin.Activate']) {
      assert.deepEqual(await call(() => assert.fail('called'), { body: '{}' }, path), {
        status: 404,
        body: { Err: `no such method: ${path}` },
      });
    }
  });

  it('with a path of any length gets a short error', async () => {
    const { status, body } = await call(echo, {}, `/${'x'.repeat(5_000)}`);
    assert.deepEqual({ status, body }, { status: 404, body: { Err: `no such method: /${'x'.repeat(99)}…` } });
  });

  it('with a path of any characters gets an error on one line', async () => {
    const { status, body } = await call(echo, {}, '/a\r\nb\u2028\ud800');
    assert.deepEqual(
      { status, body },
      { status: 404, body: { Err: String.raw`no such method: /a\u{d}\u{a}b\u{2028}\u{d800}` } },
    );
  });

  it('reaches its method with its headers, its body and its principal', async () => {
    const request = await received({ body: '{"Pool":"Zürich"}', headers: { 'berth-host': 'h' } }, 10_000);
    assert.deepEqual(
      { ...request, deadline: 0 },
      { headers: { 'berth-host': 'h' }, body: '{"Pool":"Zürich"}', principal: PRINCIPAL, deadline: 0 },
    );
  });

  it('may be encoded in base 64', async () => {
    const text = '{"Pool":"Zürich 東京"}';
    const part = { body: Buffer.from(text).toString('base64'), isBase64Encoded: true };
    assert.equal((await received(part, 10_000)).body, text);
    assert.deepEqual(await call(echo, part), { status: 200, body: { Echoed: { Pool: 'Zürich 東京' } } });
  });

  it('must be answered a quarter of a second before the function ends', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: NOW });
    assert.equal((await received({}, 10_000)).deadline, NOW + 9_750);
    assert.equal((await received({}, 100)).deadline, NOW);
  });
});

describe('the body of a request', () => {
  const json = { body: '{}' };
  const cases: readonly [what: string, part: EventPart, told: string][] = [
    ['none', {}, NO_BODY],
    ['an empty body', { body: '' }, NO_BODY],
    ['blanks', { body: ' \r\n' }, NO_BODY],
    ['an empty body in base 64', { body: '', isBase64Encoded: true }, NO_BODY],
    ['no JSON', { body: 'Pool=10.0.0.0/24' }, 'the request is not JSON'],
    ['JSON that was cut off', { body: '{"Pool":"10.0.0.0/24"' }, 'the request is not JSON'],
    ['two JSON objects', { body: '{}{}' }, 'the request is not JSON'],
    ['base 64 that is not marked as such', { body: 'e30=' }, 'the request is not JSON'],
    ['null', { body: 'null' }, 'the request is malformed: body: Invalid type: Expected Object but received null'],
    ['a list', { body: '[]' }, 'the request is malformed: body: it is a list, not an object'],
    ['a text', { body: '"Pool"' }, 'the request is malformed: body: Invalid type: Expected Object but received "Pool"'],
    ['a missing field', json, 'the request is malformed: Pool: Invalid key: Expected "Pool" but received undefined'],
    [
      'a field of the wrong type',
      { body: '{"Pool":7}' },
      'the request is malformed: Pool: Invalid type: Expected string but received 7',
    ],
    [
      'a nested field of the wrong type',
      { body: '{"Pool":"","Inner":{"List":[1,"2"]}}' },
      'the request is malformed: Inner.List.1: Invalid type: Expected number but received "2"',
    ],
  ];
  for (const [what, part, told] of cases) {
    it(`is refused: ${what}`, async (t) => {
      assert.equal(await refusal(t, echo, part), told);
    });
  }

  it('may have 65,536 bytes and no more, however it is encoded', async (t) => {
    const longest = JSON.stringify({ Pool: 'é'.repeat((MAX_BODY_BYTES - 12) / 2) });
    assert.equal(Buffer.byteLength(longest), MAX_BODY_BYTES - 1);
    const encode = (text: string) => ({ body: Buffer.from(text).toString('base64'), isBase64Encoded: true });
    for (const part of [{ body: `${longest} ` }, encode(`${longest} `)]) {
      assert.deepEqual(Object.keys((await call(echo, part)).body), ['Echoed']);
    }
    for (const part of [{ body: `${longest}  ` }, encode(`${longest}  `)]) {
      assert.equal(await refusal(t, echo, part), 'the request is larger than 65536 bytes');
    }
  });

  it('may have as many bytes as its function allows', async (t) => {
    captureLog(t);
    const send = async (body: string) =>
      answerOf(await handle({ [PATH]: () => ({}) }, 10)(eventOf(PATH, { body }), contextWith(10_000))).body;
    assert.deepEqual(await send('x'.repeat(10)), {});
    assert.deepEqual(await send('x'.repeat(11)), { Error: 'the request is larger than 10 bytes' });
  });

  it('that is too large does not reach the method', async (t) => {
    const method: Method = () => assert.fail('called');
    const told = await refusal(t, method, { body: 'x'.repeat(MAX_BODY_BYTES + 1) });
    assert.equal(told, 'the request is larger than 65536 bytes');
  });
});

describe('the headers that a shim adds', () => {
  const method: Method = (request) => ({ Call: parseCall(request) });

  it('become a call', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: NOW });
    const { body } = await call(method, { body: '{}' });
    assert.deepEqual(body['Call'], {
      hostId: 'web-1',
      epoch: 1,
      driver: 'berth',
      requestKey: '0mjuohs00abcd',
      attempt: 1,
      deadline: NOW + 9_750,
    });
  });

  it('shorten the time left, and never lengthen it', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: NOW });
    const request = { body: '', principal: undefined, deadline: NOW + 5_000 };
    const deadlineWith = (remaining: string): number =>
      parseCall({ ...request, headers: { ...CALL_HEADERS, 'berth-remaining-ms': remaining } }).deadline;
    assert.equal(deadlineWith('1'), NOW + 1);
    assert.equal(deadlineWith('4999'), NOW + 4_999);
    assert.equal(deadlineWith('5001'), NOW + 5_000);
  });

  for (const missing of Object.keys(CALL_HEADERS)) {
    it(`are refused without ${missing}, and the error names it`, async (t) => {
      const headers = Object.fromEntries(Object.entries(CALL_HEADERS).filter(([name]) => name !== missing));
      const told = `the header of the request is malformed: ${missing}: Invalid key: Expected "${missing}" but received undefined`;
      assert.equal(await refusal(t, method, { body: '{}', headers }), told);
    });
  }

  const bad: Readonly<Record<string, readonly string[]>> = {
    'berth-host': ['', '-web', 'a b', 'a/b', 'wéb', 'x'.repeat(129)],
    'berth-epoch': ['', '0', '-1', '1.5', '1e3', ' 1', '1000000000', '0x1'],
    'berth-driver': ['', 'Berth', 'bridge', 'berth,berth-ipvlan'],
    'berth-request': ['', '0mjuohs00abc', '0mjuohs00abcde', '0MJUOHS00ABCD', '0mjuohs00abc.', '0mjuohs00abc\n'],
    'berth-attempt': ['', '0', '1001', 'one', '-1'],
    'berth-remaining-ms': ['', '0', '900001', '1e3', '-5', 'Infinity'],
  };
  for (const [name, values] of Object.entries(bad)) {
    it(`are refused with a bad ${name}, and the error names it`, async (t) => {
      for (const value of values) {
        const told = await refusal(t, method, { body: '{}', headers: { ...CALL_HEADERS, [name]: value } });
        assert.ok(
          String(told).startsWith(`the header of the request is malformed: ${name}: `),
          `${value}: ${String(told)}`,
        );
      }
    });
  }
});

describe('a refusal', () => {
  const method: Method = () => {
    throw new Refusal('address-in-use', 'Address already in use: 10.0.0.5');
  };

  it('is returned with 200 and its text, which Docker shows', async (t) => {
    assert.equal(await refusal(t, method, { body: '{}' }), 'Address already in use: 10.0.0.5');
    assert.equal(await refusal(t, () => Promise.reject(new Refusal('busy', 'try again')), {}), 'try again');
  });

  it('is logged as a refusal, with the caller and the request', async (t) => {
    const lines = captureLog(t);
    await call(method, { body: '{}' });
    assert.deepEqual(lines, [
      {
        level: 'info',
        message: 'refused',
        method: PATH,
        request: '0mjuohs00abcd',
        host: 'web-1',
        principal: PRINCIPAL,
        code: 'address-in-use',
        reason: 'Address already in use: 10.0.0.5',
      },
    ]);
  });
});

describe('an internal fault', () => {
  const SECRET = 'AKIASECRET at table prod-berth';
  const told =
    'Berth failed to answer (request 0mjuohs00abcd); the log of the function says why; trying again may help';
  const faults: readonly [what: string, method: Method][] = [
    [
      'an error',
      () => {
        throw new TypeError(SECRET);
      },
    ],
    ['a rejected promise', () => Promise.reject(new Error(SECRET))],
    [
      'an error that only looks like a refusal',
      () => Promise.reject(Object.assign(new Error(SECRET), { name: 'Refusal', code: 'busy' })),
    ],
    ['a result that JSON cannot hold', () => ({ Size: 1n, [SECRET]: 1 })],
  ];
  for (const [what, method] of faults) {
    it(`is answered with a general error without its details: ${what}`, async (t) => {
      assert.equal(await fault(t, method, { body: '{}' }), told);
    });
  }

  it('is logged in full, with the request key to find it by', async (t) => {
    const lines = captureLog(t);
    await call(() => Promise.reject(new TypeError(SECRET)), { body: '{}' });
    const [line, counted] = lines;
    assert.deepEqual([lines.length, counted?.['Failures']], [2, 1]);
    assert.deepEqual(
      { ...line, error: undefined },
      {
        level: 'error',
        message: 'failed',
        method: PATH,
        request: '0mjuohs00abcd',
        host: 'web-1',
        principal: PRINCIPAL,
        error: undefined,
      },
    );
    const error = v.parse(
      v.strictObject({ name: v.string(), message: v.string(), stack: v.string() }),
      line?.['error'],
    );
    assert.deepEqual({ name: error.name, message: error.message }, { name: 'TypeError', message: SECRET });
    assert.match(error.stack, /handler\.test\.ts/);
  });

  it('is answered also when it holds values that JSON cannot', async (t) => {
    const odd = Object.assign(new Error(SECRET), { cause: { big: 1n } });
    assert.equal(await fault(t, () => Promise.reject(odd), { body: '{}' }), told);
  });

  it('is answered also when the request does not name the caller', async (t) => {
    const text = await fault(t, () => Promise.reject(new Error(SECRET)), { body: '{}', headers: {} });
    assert.equal(text, told.replace('0mjuohs00abcd', 'unknown'));
  });

  it('does not echo an invalid request key', async (t) => {
    const headers = { 'berth-request': 'x\r\ny' };
    const text = await fault(t, () => Promise.reject(new Error(SECRET)), { body: '{}', headers });
    assert.equal(text, told.replace('0mjuohs00abcd', 'unknown'));
  });
});

describe('parseAs', () => {
  it('returns the output of the schema', () => {
    assert.equal(parseAs(v.pipe(v.string(), v.transform(Number)), '7', 'it'), 7);
  });

  it('quotes a bad value shortened, and on one line', () => {
    const long = `\n${'x'.repeat(60_000)}`;
    const why = String.raw`Invalid type: Expected number but received "\u{a}`;
    assert.throws(() => parseAs(v.record(v.string(), v.number()), { [long]: long }, 'it'), {
      message: String.raw`it is malformed: \u{a}${'x'.repeat(75)}…: ${why}${'x'.repeat(151)}…`,
    });
  });

  it('refuses a bad value as a malformed request, and names the value and its first wrong field', () => {
    assert.throws(() => parseAs(v.object({ a: v.number(), b: v.number() }), { a: '1', b: '2' }, 'the settings'), {
      name: 'Refusal',
      code: 'invalid-request',
      message: 'the settings is malformed: a: Invalid type: Expected number but received "1"',
    });
  });
});
