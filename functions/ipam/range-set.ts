/** A set of addresses of one family, as disjoint ranges in ascending order. */
import type { Range } from '../../protocol/address.ts';

export class RangeSet {
  readonly #ranges: Range[] = [];

  constructor(ranges: Iterable<Range> = []) {
    for (const range of ranges) this.add(range);
  }

  /** How many disjoint ranges it has. */
  get size(): number {
    return this.#ranges.length;
  }

  /** Ranges that touch or overlap become one, so that ranges without gaps cost one entry. */
  add(range: Range): void {
    const start = this.#firstEndingAt(range.first - 1n);
    let { first, last } = range;
    let end = start;
    for (let other = this.#ranges[end]; other !== undefined && other.first <= last + 1n; other = this.#ranges[++end]) {
      if (other.first < first) first = other.first;
      if (other.last > last) last = other.last;
    }
    this.#ranges.splice(start, end - start, { family: range.family, first, last });
  }

  /** The first range of the set that overlaps a given one, if any. */
  meets(range: Range): Range | undefined {
    const next = this.#ranges[this.#firstEndingAt(range.first)];
    return next !== undefined && next.first <= range.last ? next : undefined;
  }

  /** What the set leaves of a range, in ascending order. */
  gapsIn({ family, first, last }: Range): Range[] {
    const gaps: Range[] = [];
    for (let at = first; at <= last;) {
      const rest = { family, first: at, last };
      const next = this.meets(rest);
      if (next === undefined) return [...gaps, rest];
      if (next.first > at) gaps.push({ ...rest, last: next.first - 1n });
      at = next.last + 1n;
    }
    return gaps;
  }

  /** The index of the first range that ends at or after a value: the ends ascend as the starts do. */
  #firstEndingAt(value: bigint): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range.last < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
