/** PoolIDs of live pools with every small kind of damage: none may reach a pool. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MAC } from '../../support/fleet.ts';
import { inBase64 } from './support/arbitraries.ts';
import { type Border, freshHeaders, openBorder } from './support/border.ts';

const METHODS = ['RequestAddress', 'ReleaseAddress', 'ReleasePool'] as const;
type Method = (typeof METHODS)[number];

const DAMAGED = /^invalid pool id: ".*" was not issued by Berth, or was damaged$/;
const OTHERS = /^invalid pool id: the network \S+ \(\w{14}\) belongs to another host, not to web-[12]$/;
const NO_JSON = /^the request is not JSON$/;

let border: Border;
/** PoolIDs of two hosts' networks that differ in every field; each holds the address that is released below. */
let one: string;
let two: string;
const HELD = '10.1.0.77';

before(async () => {
  border = await openBorder();
  one = await network('web-1', { AddressSpace: 'default', Pool: '10.1.0.0/24' });
  two = await network('web-2', {
    AddressSpace: 'other',
    Pool: '10.1.0.0/16',
    SubPool: '10.1.0.0/20',
    Options: { 'berth.order': 'serial', 'berth.cooldown': '5s' },
  });
});

after(() => border.close());

async function network(host: string, request: object): Promise<string> {
  const PoolID = String((await border.succeed('RequestPool', request, freshHeaders(host)))['PoolID']);
  const answer = await border.succeed('RequestAddress', { PoolID, Address: HELD, Options: MAC }, freshHeaders(host));
  assert.match(String(answer['Address']), /^10\.1\.0\.77\//);
  return PoolID;
}

/** A body that contains these bytes as PoolID, whether or not that is JSON. */
const bodyOf = (method: Method, poolId: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from('{"PoolID":"'),
    poolId,
    Buffer.from(
      method === 'RequestAddress' ? `","Address":"","Options":${JSON.stringify(MAC)}}` : `","Address":"${HELD}"}`,
    ),
  ]);

async function refused(method: Method, poolId: Buffer | string, why: RegExp, host = 'web-1'): Promise<void> {
  const bytes = typeof poolId === 'string' ? Buffer.from(JSON.stringify(poolId).slice(1, -1)) : poolId;
  const event = { headers: freshHeaders(host), ...inBase64(bodyOf(method, bytes)) };
  const { refusal } = await border.call(method, event);
  assert.match(refusal ?? 'it was carried out', why, `${method} ${bytes.toString('latin1')}`);
}

/** Every text that results from one flipped bit, as bytes. */
function* flipped(text: string): Generator<Buffer> {
  for (let at = 0; at < Buffer.byteLength(text); at++) {
    for (let bit = 0; bit < 8; bit++) {
      const bytes = Buffer.from(text);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
      yield bytes;
    }
  }
}

for (const method of METHODS) {
  describe(`${method} refuses`, () => {
    it('a PoolID with any one bit flipped', async () => {
      for (const bytes of flipped(one)) {
        await refused(method, bytes, isPartOfText(bytes) ? DAMAGED : NO_JSON);
        // A character that ends a JSON string also arrives if it is escaped.
        if (!isPartOfText(bytes)) await refused(method, bytes.toString(), DAMAGED);
      }
    });

    it('a PoolID that is truncated at either end', async () => {
      for (let length = 0; length < one.length; length++) {
        await refused(method, one.slice(0, length), length === 0 ? /^the request is malformed: PoolID: / : DAMAGED);
        if (length > 0) await refused(method, one.slice(length), DAMAGED);
      }
    });

    it('a PoolID with something before or behind it', async () => {
      for (const more of [' ', ',', '\n', '\0', 'a', '0', '\ufeff', '\u200b', ',berth', one, `${two},`]) {
        await refused(method, one + more, DAMAGED);
        await refused(method, more + one, DAMAGED);
      }
    });

    it('a PoolID in other letters that look the same, or in capitals', async () => {
      const looks = [one.toUpperCase(), one.replaceAll(',', '，'), one.replace('e', 'е'), one.replaceAll('1', '１')];
      for (const text of [...looks, one.replaceAll('.', '%2e'), encodeURIComponent(one), one.replace('/24', '/024')]) {
        await refused(method, text, DAMAGED);
      }
    });

    it("a PoolID with some fields of another host's PoolID", async () => {
      for (const [mine, other, host] of [
        [one, two, 'web-1'],
        [two, one, 'web-2'],
      ] as const) {
        for (const text of spliced(mine, other)) await refused(method, text, DAMAGED, host);
      }
    });

    it('the PoolID of another host', async () => {
      await refused(method, two, OTHERS, 'web-1');
      await refused(method, one, OTHERS, 'web-2');
    });
  });
}

/** Whether bytes may be in a JSON string unescaped. */
const isPartOfText = (bytes: Buffer): boolean => bytes.every((byte) => byte >= 0x20 && byte !== 0x22 && byte !== 0x5c);

/** One PoolID with any one or two fields of another, or with all but one or two. */
function spliced(mine: string, other: string): string[] {
  const fields = mine.split(',');
  const theirs = other.split(',');
  assert.equal(fields.length, theirs.length);
  const pairs = fields.flatMap((_, a) => fields.slice(a).map((__, b) => new Set([a, a + b])));
  const put = (take: (index: number) => boolean): string =>
    fields.map((field, index) => (take(index) ? theirs[index] : field)).join(',');
  const texts = pairs.flatMap((pair) => [put((index) => pair.has(index)), put((index) => !pair.has(index))]);
  return [...new Set(texts)].filter((text) => text !== mine && text !== other);
}

describe('an undamaged PoolID, after all these attempts,', () => {
  it('still reaches its pool, and releases what it holds', async () => {
    for (const [PoolID, host] of [
      [one, 'web-1'],
      [two, 'web-2'],
    ] as const) {
      const call = (method: Method, message: object) => border.succeed(method, message, freshHeaders(host));
      assert.match(String((await call('RequestAddress', { PoolID, Options: MAC }))['Address']), /^10\.1\.\d+\.\d+\//);
      const held = { headers: freshHeaders(host), body: JSON.stringify({ PoolID, Address: HELD, Options: MAC }) };
      assert.match((await border.call('RequestAddress', held)).refusal ?? '', /^Address already in use: 10\.1\.0\.77 /);
      assert.deepEqual(await call('ReleaseAddress', { PoolID, Address: HELD }), {});
      assert.equal(
        String((await call('RequestAddress', { PoolID, Address: HELD, Options: MAC }))['Address']).slice(0, 9),
        HELD,
      );
      assert.deepEqual(await call('ReleasePool', { PoolID }), {});
      const gone = { headers: freshHeaders(host), body: JSON.stringify({ PoolID, Options: MAC }) };
      assert.match((await border.call('RequestAddress', gone)).refusal ?? '', /^address space does not contain/);
    }
  });
});
