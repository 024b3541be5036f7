import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RangeSet } from '../../../../functions/ipam/range-set.ts';
import { type Range, cidrRange } from '../../../../protocol/address.ts';
import { numbers, range, cidr } from './values.ts';

const END = 60n;
const anyRange: fc.Arbitrary<Range> = fc
  .record({ first: fc.bigInt(0n, END), length: fc.bigInt(0n, 12n) })
  .map(({ first, length }) => ({ family: 4, first, last: first + length }));

/** The longest runs of members, found by counting. */
function runsOf(members: ReadonlySet<bigint>): Range[] {
  const firsts = [...members].filter((value) => !members.has(value - 1n)).sort((a, b) => Number(a - b));
  return firsts.map((first) => {
    let last = first;
    while (members.has(last + 1n)) last += 1n;
    return { family: 4, first, last };
  });
}

describe('RangeSet', () => {
  it('meets nothing while it is empty', () => {
    assert.equal(new RangeSet().meets(range('0.0.0.0-255.255.255.255')), undefined);
  });

  it('meets a range that shares a single address, and none next to it', () => {
    const set = new RangeSet([range('10.0.0.10-10.0.0.20')]);
    for (const meeting of ['10.0.0.1-10.0.0.10', '10.0.0.20-10.0.0.30', '10.0.0.15', '10.0.0.1-10.0.0.30']) {
      assert.deepEqual(set.meets(range(meeting)), range('10.0.0.10-10.0.0.20'), meeting);
    }
    for (const clear of ['10.0.0.9', '10.0.0.21', '0.0.0.0-10.0.0.9', '10.0.0.21-255.255.255.255']) {
      assert.equal(set.meets(range(clear)), undefined, clear);
    }
  });

  it('merges ranges that touch', () => {
    const set = new RangeSet([range('10.0.0.0-10.0.0.4'), range('10.0.0.10-10.0.0.14'), range('10.0.0.5-10.0.0.9')]);
    assert.deepEqual(set.meets(range('10.0.0.7')), range('10.0.0.0-10.0.0.14'));
  });

  it('keeps ranges apart that a single address separates', () => {
    const set = new RangeSet([range('10.0.0.0-10.0.0.4'), range('10.0.0.6-10.0.0.9')]);
    assert.equal(set.meets(range('10.0.0.5')), undefined);
    assert.deepEqual(set.meets(range('10.0.0.6')), range('10.0.0.6-10.0.0.9'));
  });

  it('can hold a whole family, up to both of its ends', () => {
    for (const all of [cidr('0.0.0.0/0'), cidr('::/0')]) {
      const set = new RangeSet([cidrRange(all)]);
      set.add({ ...cidrRange(all), last: 0n });
      assert.deepEqual(set.meets(cidrRange(all)), cidrRange(all));
    }
  });

  it('meets the lowest run that counting finds, whatever ranges are added in whatever order', () => {
    fc.assert(
      fc.property(fc.array(anyRange, { maxLength: 12 }), anyRange, (added, asked) => {
        const set = new RangeSet(added);
        const members = new Set(added.flatMap(({ first, last }) => numbers(first, last)));
        const met = runsOf(members).find(({ first, last }) => first <= asked.last && asked.first <= last);
        assert.deepEqual(set.meets(asked), met);
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves the gaps that counting finds', () => {
    fc.assert(
      fc.property(fc.array(anyRange, { maxLength: 12 }), anyRange, (added, asked) => {
        const members = new Set(added.flatMap(({ first, last }) => numbers(first, last)));
        const left = new Set(numbers(asked.first, asked.last).filter((value) => !members.has(value)));
        assert.deepEqual(new RangeSet(added).gapsIn(asked), runsOf(left));
      }),
      { numRuns: 2_000 },
    );
  });
});
