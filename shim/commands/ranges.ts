/** Sets of addresses, as prefixes: what an import asks for, without what is there. */
import {
  type Cidr,
  type Range,
  addressBits,
  cidrAt,
  cidrRange,
  cidrSize,
  rangesOverlap,
} from '../../protocol/address.ts';

/** What of a range lies in none of the holes, in ascending order. */
export function without(range: Range, holes: readonly Range[]): Range[] {
  const { family } = range;
  const met = holes.filter((hole) => rangesOverlap(hole, range)).sort((a, b) => (a.first < b.first ? -1 : 1));
  const left: Range[] = [];
  let at = range.first;
  for (const { first, last } of met) {
    if (first > at) left.push({ family, first: at, last: first - 1n });
    if (last >= at) at = last + 1n;
  }
  return at <= range.last ? [...left, { family, first: at, last: range.last }] : left;
}

/** The fewest prefixes that hold exactly these addresses, in ascending order, IPv4 first. */
export const prefixesOf = (ranges: readonly Range[]): Cidr[] => joined(ranges).flatMap(prefixesOfOne);

/** Ranges that touch or overlap become one. */
function joined(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => a.family - b.family || (a.first < b.first ? -1 : 1));
  const result: Range[] = [];
  for (const range of sorted) {
    const before = result.at(-1);
    if (before?.family !== range.family || range.first > before.last + 1n) result.push(range);
    else if (range.last > before.last) result[result.length - 1] = { ...before, last: range.last };
  }
  return result;
}

function prefixesOfOne({ family, first, last }: Range): Cidr[] {
  const prefixes: Cidr[] = [];
  for (let at = first; at <= last;) {
    const widest = widestAt(family, at, last);
    prefixes.push(widest);
    at += cidrSize(widest);
  }
  return prefixes;
}

/** The widest prefix that begins at an address and ends at the last one or before. */
function widestAt(family: Range['family'], value: bigint, last: bigint): Cidr {
  for (let prefix = 0; ; prefix++) {
    const cidr = cidrAt({ family, value }, prefix);
    if (prefix === addressBits(family) || (cidr.first === value && cidrRange(cidr).last <= last)) return cidr;
  }
}
