/** Requests to the function of hosts: an invalid one must not end anything that is held. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { MAC } from '../../support/fleet.ts';
import { anyJson, anyText, messageOf, texts } from './support/arbitraries.ts';
import { refusesAnything, refusesOversized, tryAll } from './support/attempts.ts';
import { type Answer, type Border, type Event, freshHeaders, openBorder } from './support/border.ts';
import { SAME } from './support/table.ts';

const RUNS = 100;
const PATHS = ['/Berth.Settle', '/Berth.Register'] as const;

let border: Border;
/** A network and a lease in it, each with the key of the request that created it. */
let poolId: string;
let poolKey: string;
let address: string;
let addressKey: string;

before(async () => {
  border = await openBorder();
  const [asked, wanted] = [freshHeaders(), freshHeaders()];
  poolKey = String(asked['berth-request']);
  addressKey = String(wanted['berth-request']);
  const pool = await border.succeed('RequestPool', { AddressSpace: 'default', Pool: '10.1.0.0/24' }, asked);
  poolId = String(pool['PoolID']);
  const lease = await border.succeed('RequestAddress', { PoolID: poolId, Options: MAC }, wanted);
  address = String(lease['Address']).replace('/24', '');
});

after(() => border.close());

const send = (path: string, event: Event): Promise<Answer> =>
  border.send('hosts', path, { headers: freshHeaders(), ...event });
const settle = (message: object): Promise<Answer> => send('/Berth.Settle', { body: JSON.stringify(message) });

describe('an invalid message to the function of hosts', () => {
  for (const path of PATHS) {
    it(`is refused at ${path}: any bytes and any JSON`, async () => {
      await refusesAnything(
        (event) => send(path, event),
        RUNS,
        (json) => json,
      );
    });

    it(`is refused at ${path}: oversized values, and unlimited nesting`, async () => {
      await refusesOversized((event) => send(path, event), 69_632, 'Request');
    });
  }
});

describe('a registration', () => {
  const incarnation = fc.oneof(
    texts('incarnation1', 'a'.repeat(64)),
    anyText.map((text) => JSON.stringify(text)),
  );
  const fields = {
    Incarnation: fc.oneof(fc.constant('null'), incarnation),
    Proposed: fc.oneof({ weight: 4, arbitrary: texts('incarnation1', 'incarnation2') }, incarnation),
    ShimVersion: texts('0.1.0', 'x'),
    EngineVersion: fc.oneof(
      texts('', '28.0.0'),
      anyText.map((text) => JSON.stringify(text)),
    ),
  };

  it('with random fields is carried out or clearly refused', async () => {
    const inputs = fc.tuple(messageOf(fields), fc.constantFrom('web-1', 'web-2', 'web-3'));
    const ask = ([body, host]: [string, string]) => send('/Berth.Register', { headers: freshHeaders(host), body });
    await tryAll(inputs, ask, 2 * RUNS);
  });
});

describe('a settlement', () => {
  it('with random fields of unknown calls changes nothing, or is refused', async () => {
    const key = fc.oneof(
      texts('000000000aaaa', '0mjuohs00abcd'),
      anyText.map((text) => JSON.stringify(text)),
    );
    const ourPool = fc.constant(null).map(() => JSON.stringify(poolId));
    const request = fc.oneof(
      messageOf({ PoolID: ourPool, Address: texts('', '10.1.0.9'), Options: fc.constantFrom('null', '{}') }),
      anyJson,
    );
    const fields = {
      Method: texts('RequestPool', 'RequestAddress'),
      RequestKey: key,
      Keep: fc.oneof(fc.constant('null'), texts('10.1.0.9', 'berth1'), ourPool),
      Request: request,
    };
    await fc.assert(
      fc.asyncProperty(messageOf(fields), async (body) => {
        assert.deepEqual((await send('/Berth.Settle', { body })).changes, SAME);
      }),
      { numRuns: 2 * RUNS },
    );
  });

  it('of an existing network does not end it if the PoolID to keep is invalid', async () => {
    const unreadable = fc.oneof(
      anyText,
      fc.nat({ max: 500 }).map((at) => damaged(poolId, at)),
    );
    await fc.assert(
      fc.asyncProperty(unreadable, async (Keep) => {
        const { refusal } = await settle({ Method: 'RequestPool', RequestKey: poolKey, Keep });
        assert.match(refusal ?? 'it was carried out', /^(invalid pool id|the request is malformed): /);
      }),
      { numRuns: RUNS },
    );
  });

  it('of an existing lease does not end it if the address to keep is invalid', async () => {
    const Request = { PoolID: poolId, Options: MAC };
    await fc.assert(
      fc.asyncProperty(fc.oneof(anyText, fc.constantFrom('10.2.0.1', 'fd00::1', '010.1.0.1')), async (Keep) => {
        const { refusal } = await settle({ Method: 'RequestAddress', RequestKey: addressKey, Keep, Request });
        assert.match(refusal ?? 'it was carried out', /^(invalid address to keep|the request is malformed): /);
      }),
      { numRuns: RUNS },
    );
  });

  it('keeps what a valid request names, and ends the rest', async () => {
    const Request = { PoolID: poolId, Options: MAC };
    const ofPool = { Method: 'RequestPool', RequestKey: poolKey };
    const ofAddress = { Method: 'RequestAddress', RequestKey: addressKey, Request };
    const taken = { body: JSON.stringify({ PoolID: poolId, Address: address, Options: MAC }) };
    const whoHolds = async (): Promise<string> => (await border.call('RequestAddress', taken)).refusal ?? '';

    for (const message of [
      { ...ofPool, Keep: poolId },
      { ...ofAddress, Keep: address },
    ]) {
      assert.equal((await settle(message)).refusal, undefined);
    }
    assert.match(await whoHolds(), /^Address already in use/);
    assert.equal((await settle({ ...ofAddress, Keep: null })).refusal, undefined);
    assert.equal(await whoHolds(), '');
    assert.equal((await settle({ ...ofPool, Keep: null })).refusal, undefined);
    assert.match(await whoHolds(), /^address space does not contain/);
  });
});

/** One bit of a PoolID flipped, as text. */
function damaged(text: string, at: number): string {
  const bytes = Buffer.from(text);
  const index = at % bytes.length;
  bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << (at % 7)), index);
  return bytes.toString();
}
