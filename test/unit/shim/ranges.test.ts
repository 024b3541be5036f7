/** Sets of addresses as prefixes, against sets of numbers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { type Range, cidrRange } from '../../../protocol/address.ts';
import { prefixesOf, without } from '../../../shim/commands/ranges.ts';

const BOUND = 64;

const range: fc.Arbitrary<Range> = fc
  .tuple(fc.nat(BOUND - 1), fc.nat(BOUND - 1), fc.constantFrom(4 as const, 6 as const))
  .map(([a, b, family]) => ({ family, first: BigInt(Math.min(a, b)), last: BigInt(Math.max(a, b)) }));

/** Each address of the ranges, once. */
const all = (ranges: readonly Range[]): string[] => {
  const found = new Set<string>();
  for (const { family, first, last } of ranges) for (let at = first; at <= last; at++) found.add(`${family}:${at}`);
  return [...found].sort();
};

describe('ranges', () => {
  it('without others have what is in no other', () => {
    fc.assert(
      fc.property(range, fc.array(range, { maxLength: 6 }), (one, holes) => {
        const gone = new Set(all(holes));
        assert.deepEqual(
          all(without(one, holes)),
          all([one]).filter((each) => !gone.has(each)),
        );
      }),
    );
  });

  it('are the prefixes that hold exactly their addresses, and none of which is half of another', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 6 }), (ranges) => {
        const prefixes = prefixesOf(ranges);
        assert.deepEqual(all(prefixes.map(cidrRange)), all(ranges));
        const sizes = prefixes.reduce((sum, each) => sum + all([cidrRange(each)]).length, 0);
        assert.equal(sizes, all(ranges).length);
        const parents = prefixes.map(
          ({ family, first, prefix }) =>
            `${family}:${prefix}:${first >> BigInt((family === 4 ? 32 : 128) - prefix + 1)}`,
        );
        assert.equal(new Set(parents).size, parents.length);
      }),
    );
  });

  it('end with the last address that there is', () => {
    const last = 2n ** 32n - 1n;
    assert.deepEqual(prefixesOf([{ family: 4, first: 0n, last }]), [{ family: 4, first: 0n, prefix: 0 }]);
    assert.deepEqual(without({ family: 4, first: 5n, last }, [{ family: 4, first: 6n, last }]), [
      { family: 4, first: 5n, last: 5n },
    ]);
  });
});
