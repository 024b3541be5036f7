/** A set of addresses of one family, as disjoint ranges in ascending order. */
import { type Range, rangesOverlap } from './address.ts';

export class RangeSet {
  #ranges: Range[] = [];

  constructor(ranges: Iterable<Range> = []) {
    for (const range of ranges) this.add(range);
  }

  /** Ranges that touch or overlap become one, so that a neighbourhood without gaps costs one entry. */
  add(range: Range): void {
    let { first, last } = range;
    const apart: Range[] = [];
    for (const other of this.#ranges) {
      if (other.last + 1n < first || last + 1n < other.first) {
        apart.push(other);
      } else {
        if (other.first < first) first = other.first;
        if (other.last > last) last = other.last;
      }
    }
    this.#ranges = [...apart, { family: range.family, first, last }].sort((a, b) => (a.first < b.first ? -1 : 1));
  }

  /** The range of the set that a given one runs into, if any. */
  meets(range: Range): Range | undefined {
    return this.#ranges.find((other) => rangesOverlap(other, range));
  }
}
