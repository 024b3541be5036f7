import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Ring, candidate, firstClear, ringOf } from '../../../../functions/ipam/pools/candidates.ts';
import { RangeSet } from '../../../../functions/ipam/range-set.ts';
import { type Cidr, type Range, cidrRange, formatCidr, overlap, rangesOverlap } from '../../../../protocol/address.ts';
import { numbers, range, cidr } from './values.ts';

const allOf = (ring: Ring): Cidr[] => numbers(0n, ring.count - 1n).map((number) => candidate(ring, number));
const ring = (size: number, ...ranges: string[]): Ring => ringOf(ranges.map(cidr), size);
const texts = (any: Ring): string[] => allOf(any).map(formatCidr);

describe('a ring of candidates', () => {
  it('has every subnet of one range in ascending order', () => {
    assert.deepEqual(texts(ring(26, '10.0.0.0/24')), ['10.0.0.0/26', '10.0.0.64/26', '10.0.0.128/26', '10.0.0.192/26']);
  });

  it('has a range of the candidate size as its only candidate', () => {
    assert.deepEqual(texts(ring(24, '10.0.0.0/24')), ['10.0.0.0/24']);
    assert.deepEqual(texts(ring(32, '10.0.0.7/32')), ['10.0.0.7/32']);
    assert.deepEqual(texts(ring(0, '0.0.0.0/0')), ['0.0.0.0/0']);
  });

  it('goes through several ranges one after the other, in the order given', () => {
    const expected = ['10.9.0.0/25', '10.9.0.128/25', '10.1.0.0/25', '10.5.0.0/25', '10.5.0.128/25'];
    assert.deepEqual(texts(ring(25, '10.9.0.0/24', '10.1.0.0/25', '10.5.0.0/24')), expected);
  });

  it('leaves out a range that is too small for a candidate', () => {
    assert.deepEqual(texts(ring(25, '10.9.0.0/26', '10.1.0.0/25', '10.5.0.0/32')), ['10.1.0.0/25']);
    assert.equal(ring(23, '10.9.0.0/24').count, 0n);
    assert.equal(ring(24).count, 0n);
  });

  it('counts more candidates than a machine could list', () => {
    const wide = ring(128, '::/0');
    assert.equal(wide.count, 2n ** 128n);
    assert.equal(formatCidr(candidate(wide, 2n ** 128n - 1n)), 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128');
    assert.equal(formatCidr(candidate(ring(64, 'fdbe:5274:6800::/48'), 65_535n)), 'fdbe:5274:6800:ffff::/64');
  });

  it('starts over after the last candidate', () => {
    const small = ring(25, '10.0.0.0/24', '10.1.0.0/25');
    assert.deepEqual(candidate(small, 3n), candidate(small, 0n));
    assert.deepEqual(candidate(small, 3_000_002n), candidate(small, 2n));
  });
});

/** Up to four ranges of four to six bits each, which may overlap, and candidates within 10.0.0.0/25. */
const BASE = cidr('10.0.0.0/25').first;
const anyRing = fc
  .record({
    size: fc.integer({ min: 26, max: 31 }),
    ranges: fc.uniqueArray(
      fc.record({ prefix: fc.integer({ min: 26, max: 31 }), at: fc.bigInt(0n, 127n) }).map(({ prefix, at }) => {
        const hostBits = BigInt(32 - prefix);
        return { family: 4 as const, first: BASE + ((at >> hostBits) << hostBits), prefix };
      }),
      { minLength: 1, maxLength: 4, comparator: overlap },
    ),
  })
  .map(({ size, ranges }) => ringOf(ranges, size));

const anyTaken: fc.Arbitrary<Range[]> = fc.array(
  fc
    .record({ first: fc.bigInt(BASE - 10n, BASE + 130n), length: fc.bigInt(0n, 40n) })
    .map(({ first, length }) => ({ family: 4 as const, first, last: first + length })),
  { maxLength: 6 },
);

describe('a ring over several ranges', () => {
  it('has each subnet of its size exactly once', () => {
    fc.assert(
      fc.property(anyRing, (any) => {
        const all = allOf(any);
        const expected = any.parts.flatMap(({ range: part }) => {
          const { first, last } = cidrRange(part);
          const step = 1n << BigInt(32 - any.size);
          return numbers(0n, (last - first + 1n) / step - 1n).map((i) => ({
            family: 4,
            first: first + i * step,
            prefix: any.size,
          }));
        });
        assert.deepEqual(all, expected);
      }),
    );
  });
});

describe('firstClear', () => {
  it('returns the given candidate when it is clear', () => {
    assert.equal(firstClear(ring(25, '10.0.0.0/24'), 1n, new RangeSet()), 1n);
  });

  it('wraps around the ring to earlier candidates', () => {
    const taken = new RangeSet([range('10.0.0.64-10.0.0.255')]);
    assert.equal(firstClear(ring(26, '10.0.0.0/24'), 2n, taken), 4n);
  });

  it('skips a large obstacle in one step, not subnet by subnet', () => {
    const taken = new RangeSet([range('fd00::-fd7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff')]);
    assert.equal(firstClear(ring(128, 'fd00::/8'), 5n, taken), 2n ** 119n);
  });

  it('returns undefined when no candidate is clear', () => {
    assert.equal(firstClear(ring(26, '10.0.0.0/24'), 3n, new RangeSet([range('10.0.0.0-10.0.0.255')])), undefined);
    const oneOfEach = ['10.0.0.5', '10.0.0.70', '10.0.0.191', '10.0.0.192'].map(range);
    assert.equal(firstClear(ring(26, '10.0.0.0/24'), 0n, new RangeSet(oneOfEach)), undefined);
    assert.equal(firstClear(ring(24), 0n, new RangeSet()), undefined);
  });

  it('returns the first clear candidate around the ring, and undefined only when no candidate is clear', () => {
    let [found, full] = [0, 0];
    fc.assert(
      fc.property(anyRing, anyTaken, fc.nat(), (any, taken, from) => {
        const start = BigInt(from);
        if (any.count === 0n) return;
        const expected = numbers(start, start + any.count - 1n).find(
          (number) => !taken.some((other) => rangesOverlap(other, cidrRange(candidate(any, number)))),
        );
        assert.equal(firstClear(any, start, new RangeSet(taken)), expected);
        if (expected === undefined) full++;
        else found++;
      }),
      { numRuns: 3_000 },
    );
    assert.ok(found > 300 && full > 30, `both cases must occur: ${found} with a clear candidate, ${full} without`);
  });
});
