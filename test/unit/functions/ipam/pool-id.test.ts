import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type PoolId, decodePoolId, encodePoolId } from '../../../../functions/ipam/pool-id.ts';
import { hostTag } from '../../../../functions/ipam/ref.ts';
import { digestText } from '../../../../functions/ipam/world.ts';
import { testWorld } from '../../../support/world.ts';
import { anyCidr, digits, cidr } from './values.ts';

const world = testWorld();
const HOST = { hostId: 'i-0123456789abcdef0' };
const REF = `${hostTag(world, HOST.hostId)}refref`;

const id: PoolId = {
  space: 'default',
  cidr: cidr('10.195.3.0/24'),
  subPool: undefined,
  generation: 'generation12',
  ref: REF,
  order: 'spread',
  cooldown: 30_000,
  driver: 'berth',
};
const SEAL = 's'.repeat(20);
const TEXT = encodePoolId(world, id, undefined);
const SEALED = encodePoolId(world, id, SEAL);

const anyId: fc.Arbitrary<PoolId> = fc.record(
  {
    space: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
    cidr: anyCidr,
    subPool: fc.option(anyCidr, { nil: undefined }),
    generation: digits(12),
    ref: digits(6).map((tail) => hostTag(world, HOST.hostId) + tail),
    order: fc.constantFrom('spread', 'serial'),
    cooldown: fc.integer({ min: 2_000, max: 86_400_000 }),
    driver: fc.constantFrom('berth', 'berth-ipvlan'),
  },
  { noNullPrototype: true },
);

const refused = (text: string): void => {
  assert.throws(() => decodePoolId(world, text, HOST), { name: 'Refusal', code: 'foreign-pool' }, JSON.stringify(text));
};

describe('a PoolID', () => {
  it("has the form that is already in Docker's store", () => {
    const body = `berth1,default,10.195.3.0/24,-,generation12,${REF},spread,30000,berth`;
    assert.equal(TEXT, `${body},${digestText(world, body, 6)}`);
    const sealed = `${body.replace('berth1', 'berth2')},${SEAL}`;
    assert.equal(SEALED, `${sealed},${digestText(world, sealed, 6)}`);
    const narrow = encodePoolId(world, { ...id, subPool: cidr('10.195.3.128/25'), order: 'serial' }, undefined);
    assert.match(
      narrow,
      /^berth1,default,10\.195\.3\.0\/24,10\.195\.3\.128\/25,generation12,\w{14},serial,30000,berth,/,
    );
  });

  it('reads back as it was written', () => {
    fc.assert(
      fc.property(anyId, fc.option(digits(20), { nil: undefined }), (any, seal) => {
        assert.deepEqual(decodePoolId(world, encodePoolId(world, any, seal), HOST), { ...any, seal });
      }),
    );
  });

  it('reads the same in another world', () => {
    assert.deepEqual(decodePoolId(testWorld({ now: 0, seed: 2 }), TEXT, HOST), { ...id, seal: undefined });
    assert.deepEqual(decodePoolId(testWorld({ now: 0, seed: 2 }), SEALED, HOST), { ...id, seal: SEAL });
  });
});

describe('a damaged PoolID', () => {
  const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));

  it('is refused with any one character replaced by any other', () => {
    for (let at = 0; at < TEXT.length; at++) {
      for (const other of printable) {
        if (other !== TEXT[at]) refused(TEXT.slice(0, at) + other + TEXT.slice(at + 1));
      }
    }
  });

  it('is refused with any one character missing or added', () => {
    for (let at = 0; at <= TEXT.length; at++) {
      if (at < TEXT.length) refused(TEXT.slice(0, at) + TEXT.slice(at + 1));
      for (const other of printable) refused(TEXT.slice(0, at) + other + TEXT.slice(at));
    }
  });

  it('is refused wherever it is cut off', () => {
    for (let length = 0; length < TEXT.length; length++) refused(TEXT.slice(0, length));
  });

  it('is refused with two characters swapped', () => {
    fc.assert(
      fc.property(anyId, fc.nat(), fc.nat(), (any, one, other) => {
        const characters = Array.from(encodePoolId(world, any, SEAL));
        const [a, b] = [one % characters.length, other % characters.length];
        [characters[a], characters[b]] = [characters[b] ?? '', characters[a] ?? ''];
        const exchanged = characters.join('');
        if (exchanged !== encodePoolId(world, any, SEAL)) refused(exchanged);
      }),
    );
  });
});

describe('a PoolID with a correct check', () => {
  const withCheck = (body: string): string => `${body},${digestText(world, body, 6)}`;
  const fields = ['berth1', 'default', '10.195.3.0/24', '-', 'generation12', REF, 'spread', '30000', 'berth'];
  const put = (index: number, value: string): string => withCheck(fields.with(index, value).join(','));

  it('is accepted when its fields are valid', () => {
    assert.deepEqual(decodePoolId(world, withCheck(fields.join(',')), HOST), { ...id, seal: undefined });
  });

  const unsound: readonly [what: string, index: number, ...values: string[]][] = [
    ['version', 0, 'berth', 'berth12345', 'Berth1', ''],
    ['space', 1, '', '-prod', 'a b', 'x'.repeat(64)],
    ['pool', 2, '', '-', '10.195.3.0', '10.195.3.0/33', 'nowhere/24'],
    ['sub-pool', 3, '', '10.195.3.0', '--'],
    ['generation', 4, '', 'generation1', 'generation123', 'GENERATION12'],
    ['ref', 5, '', REF.slice(1), `${REF}0`, REF.toUpperCase()],
    ['order', 6, '', 'random', 'Spread'],
    ['cool-down', 7, '', '-1', '1e9', '30000.5', '1234567890', ' 1', '0', '1999', '86400001', '999999999'],
    ['driver', 8, '', 'bridge', 'berth-macvlan'],
  ];
  for (const [what, index, ...values] of unsound) {
    it(`is refused with an invalid ${what}`, () => {
      for (const value of values) refused(put(index, value));
    });
  }

  it('of the second version is refused without a valid seal', () => {
    const sealed = (...seal: string[]) => withCheck([...fields.with(0, 'berth2'), ...seal].join(','));
    assert.deepEqual(decodePoolId(world, sealed(SEAL), HOST), { ...id, seal: SEAL });
    for (const seal of ['', SEAL.slice(1), `${SEAL}s`, SEAL.toUpperCase()]) refused(sealed(seal));
    refused(sealed());
    refused(sealed(SEAL, SEAL));
  });

  it('is refused with one field too many or too few', () => {
    refused(withCheck([...fields, ''].join(',')));
    refused(withCheck([...fields, 'more'].join(',')));
    for (let index = 0; index < fields.length; index++) refused(withCheck(fields.toSpliced(index, 1).join(',')));
    refused(withCheck(''));
  });
});

describe('a PoolID that is not for the caller', () => {
  it('of a newer version is refused as such, and no other PoolID is', () => {
    const versioned = (version: string, check?: string): string => {
      const body = TEXT.slice(0, TEXT.lastIndexOf(',')).replace('berth1', version);
      return `${body},${check ?? digestText(world, body, 6)}`;
    };
    const message =
      /^the pool id "berth9,.*\(it begins with berth9; these functions know berth2\); upgrade the functions$/;
    const newer = { name: 'Refusal', code: 'newer-format', message };
    assert.throws(() => decodePoolId(world, versioned('berth9'), HOST), newer);
    // The fields of the newer version are not known here.
    const body = 'berth9,something,else';
    assert.throws(() => decodePoolId(world, `${body},${digestText(world, body, 6)}`, HOST), newer);
    refused(versioned('berth9', '000000'));
    for (const other of ['berth', 'berth12345', 'birth9', 'Berth9', 'berth1x', '']) refused(versioned(other));
  });

  it('is refused when it names a network of another host, and the error says which', () => {
    assert.throws(() => decodePoolId(world, TEXT, { hostId: 'other' }), {
      name: 'Refusal',
      code: 'foreign-pool',
      message: `invalid pool id: the network 10.195.3.0/24 (${REF}) belongs to another host, not to other`,
    });
  });

  const foreign: readonly [text: string, quoted: string][] = [
    ['', '""'],
    ['LocalDefault/10.0.0.0/24', '"LocalDefault/10.0.0.0/24"'],
    ['a"b\n', String.raw`"a\"b\n"`],
    ['x'.repeat(80), `"${'x'.repeat(80)}"`],
    ['x'.repeat(81), `"${'x'.repeat(80)}…"`],
  ];
  for (const [text, quoted] of foreign) {
    it(`is refused, and the error quotes it, shortened: ${quoted.slice(0, 30)}`, () => {
      assert.throws(() => decodePoolId(world, text, HOST), {
        name: 'Refusal',
        code: 'foreign-pool',
        message: `invalid pool id: ${quoted} was not issued by Berth, or was damaged`,
      });
    });
  }
});
