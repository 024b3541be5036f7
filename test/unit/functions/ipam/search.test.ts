import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type DecodedChunk,
  type Seeker,
  type Span,
  decoded,
  lastResorts,
  openSlots,
  slotsOfKey,
  slotsWithin,
  spanOf,
} from '../../../../functions/ipam/addresses/search.ts';
import { CHUNK_SIZE } from '../../../../functions/ipam/chunk.ts';
import { encodeSlot } from '../../../../functions/ipam/slot.ts';
import { usableRange } from '../../../../protocol/address.ts';
import { cidr } from '../../../support/addresses.ts';

const NOW = 1_000_000;
const SEQUENCE = '000000500';
const ALL: Span = { first: 0n, last: 1_000n };
const every = Array.from({ length: CHUNK_SIZE }, (_, slot) => slot);

const seeker: Seeker = { sticky: 'sticky', releaserTags: ['hosttag1'], sequence: SEQUENCE, start: 0, order: 'spread' };

interface Held {
  readonly value: string;
  readonly sticky?: string;
}

const free = (releasedAt: number, hostTag = 'hosttag2', sequence = '000000400'): string =>
  encodeSlot({ kind: 'free', releasedAt, hostTag, sequence });
const leased = (requestKey = '0000004000000'): string =>
  encodeSlot({ kind: 'leased', ref: 'hosttag1refref', requestKey, mac: '', name: '' });
const reserved = encodeSlot({ kind: 'reserved', ref: 'hosttag1refref', sequence: '000000400' });

/** A chunk of which some slots were used. */
const chunk = (held: Readonly<Record<number, Held>>, index = 0n): DecodedChunk =>
  decoded({
    index,
    slots: every.map((slot) => held[slot]?.value),
    stickies: every.map((slot) => held[slot]?.sticky),
  });

const open = (held: Readonly<Record<number, Held>>, other: Partial<Seeker> = {}): number[] =>
  openSlots(chunk(held), ALL, { ...seeker, ...other }, NOW);

const filled = (value: string): Record<number, Held> => Object.fromEntries(every.map((slot) => [slot, { value }]));

describe('the span of a pool', () => {
  const table: readonly [pool: string, usable: string, first: bigint, last: bigint][] = [
    ['10.0.0.0/24', '10.0.0.0/24', 1n, 254n],
    ['10.0.0.0/24', '10.0.0.128/25', 129n, 254n],
    ['10.0.0.6/31', '10.0.0.6/31', 0n, 1n],
    ['10.0.0.7/32', '10.0.0.7/32', 0n, 0n],
    ['fd00::/64', 'fd00::/64', 1n, 2n ** 64n - 1n],
  ];
  for (const [pool, usable, first, last] of table) {
    it(`is ${first} to ${last} for ${pool}, limited to ${usable}`, () => {
      const range = usableRange(cidr(usable)) ?? assert.fail();
      assert.deepEqual(spanOf(range, cidr(pool).first), { first, last });
    });
  }
});

describe('slotsWithin', () => {
  it('returns all sixteen slots of a chunk in the middle', () => {
    assert.deepEqual(slotsWithin(1n, { first: 15n, last: 32n }), every);
  });

  it('cuts the first and the last chunk of a span', () => {
    assert.deepEqual(slotsWithin(0n, { first: 1n, last: 254n }), every.slice(1));
    assert.deepEqual(slotsWithin(15n, { first: 1n, last: 254n }), every.slice(0, 15));
    assert.deepEqual(slotsWithin(0n, { first: 5n, last: 6n }), [5, 6]);
    assert.deepEqual(slotsWithin(0n, { first: 0n, last: 0n }), [0]);
  });

  it('returns no slot of a chunk outside the span', () => {
    assert.deepEqual(slotsWithin(0n, { first: 16n, last: 31n }), []);
    assert.deepEqual(slotsWithin(2n, { first: 16n, last: 31n }), []);
  });
});

describe('openSlots', () => {
  it("goes around an unused chunk from the seeker's start", () => {
    assert.deepEqual(open({}, { start: 0 }), every);
    assert.deepEqual(open({}, { start: 13 }), [13, 14, 15, ...every.slice(0, 13)]);
  });

  it('goes up from the lowest slot when addresses are serial', () => {
    assert.deepEqual(open({}, { start: 13, order: 'serial' }), every);
  });

  it('keeps to the span', () => {
    const inMiddle = openSlots(chunk({}, 2n), { first: 35n, last: 38n }, { ...seeker, start: 5 }, NOW);
    assert.deepEqual(inMiddle, [5, 6, 3, 4]);
  });

  it('never returns a leased or reserved slot, not even to its own endpoint', () => {
    const held = filled(leased());
    held[7] = { value: reserved, sticky: seeker.sticky };
    held[8] = { value: leased(), sticky: seeker.sticky };
    assert.deepEqual(open(held), []);
  });

  it('returns slots that were freed before the bound, and none freed later', () => {
    const held = {
      ...filled(leased()),
      3: { value: free(NOW - 1) },
      4: { value: free(NOW) },
      5: { value: free(NOW + 1) },
    };
    assert.deepEqual(open(held), [3]);
  });

  const own = { value: free(NOW + 9, 'hosttag1', '0000004zz'), sticky: 'sticky' };
  const rows: readonly [what: string, taken: boolean, held: Held, seeker?: Partial<Seeker>][] = [
    ['its own place, released before it asked', true, own],
    ['its own place, when addresses are serial', true, own, { order: 'serial' }],
    ['the place of another endpoint of its host', false, { ...own, sticky: 'other1' }],
    ['a place that is marked for no endpoint', false, { value: own.value }],
    ['a place that another host released', false, { ...own, value: free(NOW + 9, 'hosttag2', '0000004zz') }],
    ['its own place, released by the same call', false, { ...own, value: free(NOW + 9, 'hosttag1', SEQUENCE) }],
    ['its own place, released after it asked', false, { ...own, value: free(NOW + 9, 'hosttag1', '000000501') }],
  ];
  for (const [what, taken, held, other] of rows) {
    it(`${taken ? 'returns' : 'leaves out'} ${what}, while that rests`, () => {
      assert.deepEqual(open({ ...filled(leased()), 9: held }, other), taken ? [9] : []);
    });
  }

  it("prefers the endpoint's own place to all others, resting or rested", () => {
    for (const releasedAt of [NOW - 5_000, NOW + 9]) {
      const held = { 9: { value: free(releasedAt, 'hosttag1'), sticky: 'sticky' } };
      for (const order of ['spread', 'serial'] as const) {
        assert.deepEqual(open(held, { order }), [9, ...every.filter((slot) => slot !== 9)]);
      }
    }
  });

  it("does not prefer another endpoint's place", () => {
    const held = { 9: { value: free(NOW - 5_000, 'hosttag2'), sticky: 'sticky' }, 10: { value: free(NOW - 5_000) } };
    assert.deepEqual(open(held), every);
  });

  it('throws on a damaged slot', () => {
    assert.throws(() => open({ 3: { value: 'Lnonsense' } }), /not a slot: "Lnonsense"/);
  });
});

describe('a slot that was last requested by its address', () => {
  const rested = (sticky: string) => ({ 3: { value: free(NOW - 1, 'hosttag1', '000000400'), sticky } });

  it('is open to no other endpoint, however long it has rested', () => {
    assert.ok(open(rested('other1')).includes(3));
    assert.ok(!open(rested('!other')).includes(3));
  });

  it('is the own place of the endpoint that requested it', () => {
    assert.equal(open(rested('!ticky'))[0], 3);
  });
});

describe('lastResorts', () => {
  it('returns slots freed at the bound or later, or requested by address, with time and place', () => {
    const held = {
      2: { value: free(NOW - 1) },
      3: { value: free(NOW) },
      4: { value: leased() },
      9: { value: free(NOW - 5), sticky: '!ticky' },
      15: { value: free(NOW + 7) },
    };
    assert.deepEqual(lastResorts(chunk(held, 4n), ALL, NOW), [
      { chunk: 4n, slot: 3, value: free(NOW), releasedAt: NOW, isGiven: false },
      { chunk: 4n, slot: 9, value: free(NOW - 5), releasedAt: NOW - 5, isGiven: true },
      { chunk: 4n, slot: 15, value: free(NOW + 7), releasedAt: NOW + 7, isGiven: false },
    ]);
  });

  it('keeps to the span', () => {
    const cooling = lastResorts(chunk(filled(free(NOW))), { first: 3n, last: 4n }, NOW);
    assert.deepEqual(
      cooling.map(({ slot }) => slot),
      [3, 4],
    );
  });
});

describe('every slot of a span', () => {
  const anySlot: fc.Arbitrary<Held | undefined> = fc.oneof(
    fc.constantFrom(undefined, { value: leased() }, { value: reserved }),
    fc
      .record({ releasedAt: fc.integer({ min: NOW - 2, max: NOW + 2 }), tag: fc.constantFrom('hosttag1', 'hosttag2') })
      .chain(({ releasedAt, tag }) =>
        fc
          .constantFrom('000000400', SEQUENCE, '000000501')
          .map((sequence) => ({ value: free(releasedAt, tag, sequence), sticky: 'sticky' })),
      ),
  );
  const anyChunk = fc.array(anySlot, { minLength: CHUNK_SIZE, maxLength: CHUNK_SIZE }).map((slots) =>
    decoded({
      index: 0n,
      slots: slots.map((held) => held?.value),
      stickies: slots.map((held) => held?.sticky),
    }),
  );

  it("is held, open or cooling, and open and cooling only if it is the seeker's own place", () => {
    fc.assert(
      fc.property(anyChunk, fc.nat(15), fc.constantFrom('spread', 'serial'), (any, start, order) => {
        const opened = openSlots(any, ALL, { ...seeker, start, order }, NOW);
        const cooling = lastResorts(any, ALL, NOW).map(({ slot }) => slot);
        const own = every.filter((slot) => /^F.*\.hosttag1\.000000400$/.test(any.slots[slot] ?? ''));
        const held = every.filter((slot) => /^[LR]/.test(any.slots[slot] ?? ''));
        assert.deepEqual(new Set([...opened, ...cooling, ...held]), new Set(every));
        assert.equal(new Set(opened).size, opened.length);
        for (const slot of opened) assert.ok(!held.includes(slot) && (!cooling.includes(slot) || own.includes(slot)));
        assert.deepEqual(new Set(opened.slice(0, own.length)), new Set(own));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('slotsOfKey', () => {
  const key = '0000004000abc';

  it('finds the lease of a call, in the first slot and in the last', () => {
    assert.deepEqual(slotsOfKey(chunk({ 0: { value: leased(key) } }), key), [0]);
    assert.deepEqual(slotsOfKey(chunk({ ...filled(leased()), 15: { value: leased(key) } }), key), [15]);
  });

  it('finds nothing in an unused chunk, or in one that was never written', () => {
    assert.deepEqual(slotsOfKey(chunk({}), key), []);
    assert.deepEqual(slotsOfKey(decoded({ index: 0n, slots: [], stickies: [] }), key), []);
  });

  it('ignores other calls of the same sequence, releases and reservations', () => {
    const others = { 1: { value: leased('0000004000abd') }, 2: { value: free(NOW) }, 3: { value: reserved } };
    assert.deepEqual(slotsOfKey(chunk(others), key), []);
  });
});
