import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  addressBits,
  cidrAt,
  cidrRange,
  cidrSize,
  formatCidr,
  intersect,
  overlap,
  rangeContains,
  rangesOverlap,
  sameCidr,
  usableRange,
} from '../../../protocol/address.ts';
import { anyCidr, anyFamily, numbers, range, ip, cidr } from '../functions/ipam/values.ts';

describe('usableRange', () => {
  const table: readonly [text: string, usable: string | undefined][] = [
    ['0.0.0.0/0', '0.0.0.1-255.255.255.254'],
    ['10.0.0.0/8', '10.0.0.1-10.255.255.254'],
    ['192.168.7.0/24', '192.168.7.1-192.168.7.254'],
    ['10.0.0.8/29', '10.0.0.9-10.0.0.14'],
    ['10.0.0.4/30', '10.0.0.5-10.0.0.6'],
    ['10.0.0.2/31', '10.0.0.2-10.0.0.3'],
    ['10.0.0.7/32', '10.0.0.7-10.0.0.7'],
    ['255.255.255.255/32', '255.255.255.255-255.255.255.255'],
    ['::/0', '::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['fd00::/64', 'fd00::1-fd00::ffff:ffff:ffff:ffff'],
    ['fd00::8/125', 'fd00::9-fd00::f'],
    ['fd00::2/127', 'fd00::3-fd00::3'],
    ['fd00::2/128', undefined],
  ];
  for (const [text, usable] of table) {
    it(`of ${text} is ${usable ?? 'empty'}`, () => {
      assert.deepEqual(usableRange(cidr(text)), usable === undefined ? undefined : range(usable));
    });
  }

  it('is never empty and never outside its prefix', () => {
    fc.assert(
      fc.property(anyCidr, (any) => {
        const usable = usableRange(any);
        const all = cidrRange(any);
        if (usable === undefined) assert.equal(any.prefix, 128);
        else assert.ok(all.first <= usable.first && usable.first <= usable.last && usable.last <= all.last);
      }),
    );
  });
});

describe('overlap and intersection', () => {
  const small = fc.record({ family: anyFamily, first: fc.bigInt(0n, 20n), length: fc.bigInt(0n, 20n) });
  const smallRange = small.map(({ family, first, length }) => ({ family, first, last: first + length }));
  const smallCidr = fc
    .record({ family: anyFamily, value: fc.bigInt(0n, 31n), hostBits: fc.nat(5) })
    .map(({ family, value, hostBits }) => cidrAt({ family, value }, addressBits(family) - hostBits));

  it('of ranges agree with counting addresses', () => {
    fc.assert(
      fc.property(smallRange, smallRange, (a, b) => {
        const inBoth = numbers(a.first, a.last).filter(
          (value) => a.family === b.family && numbers(b.first, b.last).includes(value),
        );
        const [first, last] = [inBoth.at(0), inBoth.at(-1)];
        assert.equal(rangesOverlap(a, b), inBoth.length > 0);
        assert.deepEqual(intersect(a, b), first === undefined ? undefined : { family: a.family, first, last });
      }),
      { numRuns: 2_000 },
    );
  });

  it('of prefixes agree with counting addresses', () => {
    fc.assert(
      fc.property(smallCidr, smallCidr, (a, b) => {
        const [inA, inB] = [a, b].map((any) => numbers(any.first, any.first + cidrSize(any) - 1n));
        const shared = a.family === b.family && inA?.some((value) => inB?.includes(value)) === true;
        assert.equal(overlap(a, b), shared);
        assert.equal(sameCidr(a, b), formatCidr(a) === formatCidr(b));
      }),
      { numRuns: 2_000 },
    );
  });

  it('include both ends of a range and all in between, and nothing of the other family', () => {
    const ten = range('10.0.0.5-10.0.0.7');
    for (const inside of ['10.0.0.5', '10.0.0.6', '10.0.0.7']) assert.ok(rangeContains(ten, ip(inside)), inside);
    for (const outside of ['10.0.0.4', '10.0.0.8', '::a00:6']) assert.ok(!rangeContains(ten, ip(outside)), outside);
  });
});
