/** Random bodies and paths: bytes, JSON, and damaged messages of Docker. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { anyJson, anyText, bytesOf, inBase64, messageOf } from './support/arbitraries.ts';
import { type Border, FUNCTIONS, METHODS, METHOD_NAMES, type MethodName, openBorder } from './support/border.ts';
import { GATEWAY, MAC, fieldsOf } from './support/messages.ts';

const BYTES_RUNS = 60;
const JSON_RUNS = 60;
const MESSAGE_RUNS = 200;
const DAMAGE_RUNS = 100;
const PATH_RUNS = 150;

let border: Border;
/** The PoolID of a pool that is large enough never to be full. */
let poolId: string;
/** The PoolID of a pool whose automatic addresses are not those that valid messages ask for. */
let soundPoolId: string;

before(async () => {
  border = await openBorder();
  poolId = String((await border.succeed('RequestPool', { AddressSpace: 'default', Pool: '10.1.0.0/16' }))['PoolID']);
  const wide = { AddressSpace: 'default', Pool: '10.3.0.0/16', SubPool: '10.3.128.0/17' };
  soundPoolId = String((await border.succeed('RequestPool', wide))['PoolID']);
});

after(() => border.close());

const FIELDS = fieldsOf(() => poolId);

describe('a request that is not a valid message', () => {
  for (const method of METHOD_NAMES) {
    it(`is refused by ${method}: any bytes, as text and in base64`, async () => {
      await fc.assert(
        fc.asyncProperty(bytesOf(200), async (bytes) => {
          for (const event of [inBase64(bytes), { body: bytes.toString('utf8') }, { body: bytes.toString('latin1') }]) {
            assert.notEqual((await border.call(method, event)).refusal, undefined);
          }
        }),
        { numRuns: BYTES_RUNS },
      );
    });

    it(`is refused by ${method}: invalid base64`, async () => {
      await fc.assert(
        fc.asyncProperty(anyText, async (body) => {
          assert.notEqual((await border.call(method, { body, isBase64Encoded: true })).refusal, undefined);
        }),
        { numRuns: BYTES_RUNS },
      );
    });

    it(`is refused by ${method}: any JSON`, async () => {
      await fc.assert(
        fc.asyncProperty(anyJson, async (body) => {
          assert.notEqual((await border.call(method, { body })).refusal, undefined);
        }),
        { numRuns: JSON_RUNS },
      );
    });

    it(`is refused by ${method}: oversized values`, async () => {
      for (const body of ['[', '{"PoolID":', '"', '9', ' ', '\0', '\ufeff'].map((part) => part.repeat(65_537))) {
        for (const event of [{ body }, inBase64(Buffer.from(body))]) {
          assert.match((await border.call(method, event)).refusal ?? '', /^the request is larger than 65536 bytes$/);
        }
      }
    });

    it(`is refused by ${method}: unlimited nesting`, async () => {
      for (const body of [
        '['.repeat(32_000) + ']'.repeat(32_000),
        `${'{"PoolID":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
      ]) {
        assert.match((await border.call(method, { body })).refusal ?? '', /^the request is malformed: \w+: /);
      }
    });
  }
});

describe('a message with random fields', () => {
  for (const method of METHOD_NAMES) {
    it(`is carried out or clearly refused by ${method}`, async () => {
      const seen = { refused: 0, done: 0 };
      await fc.assert(
        fc.asyncProperty(messageOf(FIELDS[method]), async (body) => {
          const { refusal } = await border.call(method, { body });
          if (refusal === undefined) seen.done++;
          else seen.refused++;
        }),
        { numRuns: MESSAGE_RUNS },
      );
      assert.ok(seen.refused > 0, 'nothing was refused');
      if (method !== 'ReleasePool') assert.ok(seen.done > 0, 'nothing was carried out');
    });

    it(`is carried out by ${method} when it is valid, in any order and with any additional fields`, async () => {
      for (const message of await soundMessages(method)) {
        const noise = '"__proto__":{"PoolID":"x","Pool":"y"},"constructor":7,"toString":null,"":[]';
        const entries = Object.entries(message).map(
          ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
        );
        const body = `{${[...entries.reverse(), noise].join(',')}}`;
        for (const event of [{ body }, inBase64(Buffer.from(body))]) {
          assert.equal((await border.call(method, event)).refusal, undefined);
        }
      }
    });

    it(`is refused by ${method} when it was damaged, or carried out as what it says now`, async () => {
      const bodies = (await soundMessages(method)).map((message) => Buffer.from(JSON.stringify(message)));
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...bodies).chain(damaged), async (bytes) => {
          await border.call(method, inBase64(bytes));
        }),
        { numRuns: DAMAGE_RUNS },
      );
    });
  }

  it('that names a field twice has the last value', async () => {
    const twice = (first: string, last: string): string =>
      `{"PoolID":${JSON.stringify(first)},"Address":"10.3.3.3","PoolID":${JSON.stringify(last)}}`;
    const refused = await border.call('RequestAddress', { body: twice(soundPoolId, 'x') });
    assert.match(refused.refusal ?? '', /^invalid pool id: "x"/);
    assert.equal(
      (await border.call('RequestAddress', { body: twice('x', soundPoolId) })).body['Address'],
      '10.3.3.3/16',
    );
  });
});

/** Messages that are carried out however often they arrive. */
async function soundMessages(method: MethodName): Promise<object[]> {
  switch (method) {
    case 'RequestPool':
      return [
        { AddressSpace: 'sound', Pool: '', SubPool: '', Options: null, V6: false },
        { AddressSpace: 'sound', Pool: '10.9.0.0/24', SubPool: '10.9.0.128/25', Options: { 'berth.order': 'serial' } },
        {
          AddressSpace: 'sound',
          Pool: 'fd00:9::/64',
          SubPool: '',
          Options: { 'berth.reserve': 'fd00:9::7' },
          V6: true,
        },
      ];
    case 'ReleasePool':
      return [{ PoolID: (await border.succeed('RequestPool', { AddressSpace: 'sound' }))['PoolID'] }];
    case 'RequestAddress':
      return [
        { PoolID: soundPoolId, Address: '', Options: { [MAC]: '02:42:ac:11:00:02' } },
        { PoolID: soundPoolId, Address: '10.3.0.1', Options: { RequestAddressType: GATEWAY } },
        { PoolID: soundPoolId, Address: '', Options: { RequestAddressType: GATEWAY } },
      ];
    case 'ReleaseAddress':
      return [{ PoolID: soundPoolId, Address: '10.3.7.9' }];
  }
}

/** Bytes with one byte changed, missing or added, or truncated. */
const damaged = (bytes: Buffer): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.nat({ max: bytes.length - 1 }), bytesOf(2), fc.nat({ max: 2 }), fc.boolean())
    .map(([at, put, drop, isCut]) =>
      Buffer.concat([bytes.subarray(0, at), put, ...(isCut ? [] : [bytes.subarray(at + drop)])]),
    );

describe('a path', () => {
  it('that is not a method gets 404 and the path from every function', async () => {
    const path = fc.oneof(
      anyText,
      anyText.map((text) => `/IpamDriver.${text}`),
      fc.constantFrom('/__proto__', '__proto__', 'constructor', '/IpamDriver.RequestPool/', '/IpamDriver.requestpool'),
    );
    await fc.assert(
      fc.asyncProperty(path, fc.constantFrom(...FUNCTIONS), async (rawPath, name) => {
        const { refusal } = await border.send(name, rawPath, { body: '{}' });
        assert.match(refusal ?? '', /^no such method: /);
      }),
      { numRuns: PATH_RUNS },
    );
  });

  it('of a method is known only to its own function', async () => {
    for (const method of METHOD_NAMES) {
      for (const name of FUNCTIONS.filter((other) => other !== METHODS[method])) {
        const { refusal } = await border.send(name, `/IpamDriver.${method}`, { body: '{}' });
        assert.equal(refusal, `no such method: /IpamDriver.${method}`);
      }
    }
  });
});
