import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { slotAttribute, stickyAttribute } from '../../../../functions/dynamo/items.ts';
import { chunkKey } from '../../../../functions/dynamo/keys.ts';
import { CHUNK_SIZE } from '../../../../functions/ipam/chunk.ts';
import {
  type FreeSlot,
  type LeasedSlot,
  NAME_MAX_BYTES,
  type ReservedSlot,
  SLOT_MAX_BYTES,
  type Slot,
  decodeSlot,
  encodeSlot,
  encodeTime,
  freedBefore,
  leasesUpTo,
} from '../../../../functions/ipam/slot.ts';
import { UnreadableItem } from '../../../../functions/ipam/unreadable.ts';
import { cidrSize } from '../../../../protocol/address.ts';
import { SEQUENCE_WIDTH, sequenceOf } from '../../../../protocol/request-key.ts';
import { digits, cidr } from './values.ts';

const LATEST = 36 ** SEQUENCE_WIDTH - 1;
const anyTime = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: LATEST }));
const anySequence = fc.oneof(fc.constantFrom('000000000', '000000001', '00000000z', '000000010'), digits(9));
const anyRef = fc.oneof(fc.constantFrom('hosttag1refref', 'hosttag1refreg', 'hosttag1refre0'), digits(14));
const anyMac = fc.oneof(
  fc.constant(''),
  fc
    .array(fc.integer({ min: 0, max: 255 }), { minLength: 6, maxLength: 6 })
    .map((bytes) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':')),
);
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', minLength: 5 }));

// With a prototype, like an object literal.
const plain = { noNullPrototype: true } as const;
const anyFree: fc.Arbitrary<FreeSlot> = fc.record(
  { kind: fc.constant('free' as const), releasedAt: anyTime, hostTag: digits(8), sequence: anySequence },
  plain,
);
const leased = (name: fc.Arbitrary<string>): fc.Arbitrary<LeasedSlot> => {
  const requestKey = fc.tuple(anySequence, digits(4)).map((parts) => parts.join(''));
  return fc.record({ kind: fc.constant('leased' as const), ref: anyRef, requestKey, mac: anyMac, name }, plain);
};
const anyLeased = leased(fc.stringMatching(/^[\x21-\x7e]{0,11}$/));
const anyReserved: fc.Arbitrary<ReservedSlot> = fc.record(
  { kind: fc.constant('reserved' as const), ref: anyRef, sequence: anySequence },
  plain,
);
const anySlot: fc.Arbitrary<Slot> = fc.oneof(anyFree, anyLeased, anyReserved);

const lease: LeasedSlot = {
  kind: 'leased',
  ref: 'hosttag1refref',
  requestKey: '0mjuohs00k3y5',
  mac: '02:42:ac:11:00:02',
  name: 'web',
};
const LEASE = 'Lhosttag1refref.0mjuohs00k3y5.AkKsEQAC.web';
const FREE = 'F0mjuohs00.hosttag1.0mjuohs01';
const RESERVED = 'Rhosttag1refref.0mjuohs00';

describe('a slot as text', () => {
  it('has the form that existing tables hold', () => {
    const free: Slot = { kind: 'free', releasedAt: 1_767_225_600_000, hostTag: 'hosttag1', sequence: '0mjuohs01' };
    assert.equal(encodeSlot(free), FREE);
    assert.equal(encodeSlot(lease), LEASE);
    assert.equal(encodeSlot({ kind: 'reserved', ref: 'hosttag1refref', sequence: '0mjuohs00' }), RESERVED);
  });

  it('reads back as it was written', () => {
    fc.assert(
      fc.property(anySlot, (slot) => {
        assert.deepEqual(decodeSlot(encodeSlot(slot)), slot);
      }),
      { numRuns: 1_000 },
    );
  });

  it("is printable ASCII, so that text order equals DynamoDB's byte order", () => {
    fc.assert(
      fc.property(fc.oneof(anySlot, leased(anyText)), (slot) => {
        assert.match(encodeSlot(slot), /^[\x21-\x7e]+$/);
      }),
    );
  });
});

describe('the order of slots', () => {
  it('puts free slots before leased ones, and those before reserved ones', () => {
    fc.assert(
      fc.property(anyFree, leased(anyText), anyReserved, (free, taken, reserved) => {
        assert.ok(encodeSlot(free) < encodeSlot(taken));
        assert.ok(encodeSlot(taken) < encodeSlot(reserved));
      }),
    );
  });

  it('is the same for times and their text', () => {
    fc.assert(
      fc.property(anyTime, anyTime, (a, b) => {
        assert.equal(encodeTime(a).length, SEQUENCE_WIDTH);
        assert.equal(encodeTime(a) < encodeTime(b), a < b);
      }),
    );
    assert.equal(encodeTime(LATEST).length, SEQUENCE_WIDTH);
  });

  it('puts exactly the slots that were freed before a time below its freedBefore', () => {
    fc.assert(
      fc.property(anySlot, anyTime, fc.integer({ min: -1, max: 1 }), (slot, time, step) => {
        const near = slot.kind === 'free' && step !== 0 ? Math.min(slot.releasedAt + step, LATEST) : time;
        const expected = slot.kind === 'free' && slot.releasedAt < near;
        assert.equal(encodeSlot(slot) < freedBefore(near), expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it('puts nothing below freedBefore of a time before 1970', () => {
    assert.equal(freedBefore(-5), freedBefore(0));
    assert.ok(
      encodeSlot({ kind: 'free', releasedAt: 0, hostTag: '00000000', sequence: '000000000' }) >= freedBefore(-5),
    );
  });

  it('puts exactly the leases of a reference with a smaller sequence within leasesUpTo', () => {
    fc.assert(
      fc.property(
        fc.oneof(leased(anyText), anySlot),
        anyRef,
        anySequence,
        fc.boolean(),
        (slot, other, sequence, same) => {
          const ref = same && slot.kind === 'leased' ? slot.ref : other;
          const [from, to] = leasesUpTo(ref, sequence);
          const text = encodeSlot(slot);
          const expected = slot.kind === 'leased' && slot.ref === ref && sequenceOf(slot.requestKey) < sequence;
          assert.equal(from <= text && text <= to, expected, `${from} ${text} ${to}`);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('puts the lease of the same sequence outside leasesUpTo, whatever its nonce', () => {
    const [, to] = leasesUpTo(lease.ref, '0mjuohs00');
    for (const nonce of ['0000', 'zzzz']) {
      assert.ok(encodeSlot({ ...lease, requestKey: `0mjuohs00${nonce}` }) > to);
      assert.ok(encodeSlot({ ...lease, requestKey: `0mjuohrzz${nonce}` }) < to);
    }
  });
});

describe('the size of slots', () => {
  const anyNamed = leased(anyText);

  it('is at most 50 bytes, whatever the name', () => {
    fc.assert(
      fc.property(fc.oneof(anyNamed, anySlot), (slot) => {
        assert.ok(Buffer.byteLength(encodeSlot(slot)) <= SLOT_MAX_BYTES);
      }),
      { numRuns: 1_000 },
    );
    assert.equal(Buffer.byteLength(encodeSlot({ ...lease, name: 'a'.repeat(300) })), SLOT_MAX_BYTES);
  });

  const names: readonly [name: string, kept: string][] = [
    ['', ''],
    ['web', 'web'],
    ['exactly-11b', 'exactly-11b'],
    ['more-than-11-bytes', 'more-than-1'],
    ['a.b.c', 'a.b.c'],
    ['...', '...'],
    ['Ünïcödé', '?n?c?d?'],
    ['東京', '??'],
    ['👩‍👩‍👧‍👦', '???????'],
    ['\ud800x', '?x'],
    ['a\0b\nc\td', 'a?b?c?d'],
    ['a b', 'a?b'],
    ['e\u0301', 'e?'],
    ['\u202eevil', '?evil'],
  ];
  for (const [name, kept] of names) {
    it(`limits the name ${JSON.stringify(name)} to what fits and is readable: ${kept}`, () => {
      const slot = decodeSlot(encodeSlot({ ...lease, name }));
      assert.deepEqual(slot, { ...lease, name: kept });
      assert.ok(kept.length <= NAME_MAX_BYTES);
    });
  }

  it('keeps a full chunk within 1,024 bytes, one write unit, in a pool of any size', () => {
    const slot = encodeSlot({ ...lease, name: '👩‍👩‍👧‍👦 a long name of an endpoint' });
    for (const pool of ['10.0.0.0/8', 'fd00::/64', '::/0']) {
      const last = cidrSize(cidr(pool)) / BigInt(CHUNK_SIZE) - 1n;
      const item: Record<string, string> = { ...chunkKey('g'.repeat(12), last) };
      for (let i = 0; i < CHUNK_SIZE; i++) {
        item[slotAttribute(i)] = slot;
        item[stickyAttribute(i)] = 'sticky';
      }
      assert.equal(Object.keys(item).length, 2 + 2 * CHUNK_SIZE);
      // DynamoDB counts the length of the attribute's name and of its value, in UTF-8.
      const size = Object.entries(item)
        .flat()
        .reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      assert.ok(size <= 1_024, `${pool}: ${size}`);
    }
  });
});

describe('the MAC of a lease', () => {
  for (const mac of ['', '00:00:00:00:00:00', '00:00:00:00:00:01', 'ff:ff:ff:ff:ff:ff', '02:42:ac:11:00:02']) {
    it(`${mac || '(none)'} is kept`, () => {
      assert.deepEqual(decodeSlot(encodeSlot({ ...lease, mac })), { ...lease, mac });
    });
  }

  it('is stored differently from every other MAC', () => {
    fc.assert(
      fc.property(anyMac, anyMac, (a, b) => {
        assert.equal(encodeSlot({ ...lease, mac: a }) === encodeSlot({ ...lease, mac: b }), a === b);
      }),
    );
  });
});

describe('text that is not a slot', () => {
  const damaged: readonly [why: string, ...texts: string[]][] = [
    ['nothing', '', 'F', 'L', 'R', '.', '...'],
    ['an unknown kind', `X${LEASE.slice(1)}`, LEASE.slice(1), LEASE.toLowerCase(), ` ${FREE}`],
    ['the kind of another slot', `F${LEASE.slice(1)}`, `R${LEASE.slice(1)}`, `L${FREE.slice(1)}`, `R${FREE.slice(1)}`],
    ['a time of another width', FREE.replace('0mjuohs00', 'mjuohs00'), FREE.replace('0mjuohs00', '00mjuohs00')],
    ['a sequence of another width', `${FREE}0`, FREE.slice(0, -1), `${RESERVED}0`, RESERVED.slice(0, -1)],
    ['a missing field', 'F0mjuohs00.hosttag1', 'Rhosttag1refref', 'Lhosttag1refref.0mjuohs00k3y5'],
    ['capital letters', FREE.toUpperCase(), RESERVED.toUpperCase(), LEASE.replace('refref', 'REFREF')],
    ['a MAC of another width', LEASE.replace('AkKsEQAC', 'AkKsEQA'), LEASE.replace('AkKsEQAC', 'AkKsEQACA')],
    ['a MAC with invalid characters', LEASE.replace('AkKsEQAC', '!!!!!!!!')],
    ['a lease that is cut off before its name', LEASE.slice(0, LEASE.lastIndexOf('.'))],
    ['an extra field', `${FREE}.more`, `${RESERVED}.more`],
    ['the name of a property that every object has', 'constructor', '__proto__', 'toString'],
  ];
  for (const [why, ...texts] of damaged) {
    it(`is refused: ${why}`, () => {
      for (const text of texts) {
        const isNamed = (error: unknown): boolean =>
          error instanceof UnreadableItem && error.message.includes(`not a slot: ${JSON.stringify(text)}`);
        assert.throws(() => decodeSlot(text), isNamed);
      }
    });
  }

  it('is refused with any one character of its fixed part missing', () => {
    for (const text of [FREE, RESERVED, LEASE]) {
      const fixed = text === LEASE ? LEASE.lastIndexOf('.') + 1 : text.length;
      for (let at = 0; at < fixed; at++) {
        const shorter = text.slice(0, at) + text.slice(at + 1);
        assert.throws(() => decodeSlot(shorter), /not a slot: /, shorter);
      }
    }
  });
});
