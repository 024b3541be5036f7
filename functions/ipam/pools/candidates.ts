/** Which subnet an automatic pool gets. Pure: a ring of candidates, cut from the ranges of a space. */
import { type Cidr, addressBits, cidrRange } from '../../../protocol/address.ts';
import type { RangeSet } from '../range-set.ts';

/** What candidates must not overlap. */
export type Obstacles = Pick<RangeSet, 'meets'>;

/** All subnets of one size in the ranges of a space, numbered consecutively. */
export interface Ring {
  readonly size: number;
  readonly parts: readonly Part[];
  readonly count: bigint;
}

export interface Part {
  readonly range: Cidr;
  /** The number of its first candidate. */
  readonly start: bigint;
  readonly count: bigint;
}

export function ringOf(ranges: readonly Cidr[], size: number): Ring {
  let count = 0n;
  const parts = ranges
    .filter((range) => range.prefix <= size)
    .map((range) => {
      const part = { range, start: count, count: 1n << BigInt(size - range.prefix) };
      count += part.count;
      return part;
    });
  return { size, parts, count };
}

/** The part of the ring that contains a number, counted modulo the ring. */
export function partAt(ring: Ring, number: bigint): Part {
  const index = number % ring.count;
  const part = ring.parts.findLast(({ start }) => start <= index);
  if (part === undefined) throw new Error('the ring is empty');
  return part;
}

/** The candidate of a number, counted modulo the ring. */
export function candidate(ring: Ring, number: bigint): Cidr {
  const { range, start } = partAt(ring, number);
  const { family, first } = range;
  return { family, first: first + (((number % ring.count) - start) << hostBits(ring, range)), prefix: ring.size };
}

/** The number of the candidate in which an address of a part lies. */
export const numberAt = (ring: Ring, { range, start }: Part, address: bigint): bigint =>
  start + ((address - range.first) >> hostBits(ring, range));

const hostBits = (ring: Ring, { family }: Cidr): bigint => BigInt(addressBits(family) - ring.size);

/**
 * The first candidate from `number` on that does not overlap what is taken.
 *
 * @returns its number, or `undefined` if the whole ring has none.
 */
export function firstClear(ring: Ring, number: bigint, taken: Obstacles): bigint | undefined {
  const end = number + ring.count;
  for (let at = number; at < end;) {
    const obstacle = taken.meets(cidrRange(candidate(ring, at)));
    if (obstacle === undefined) return at;
    at = numberAfter(ring, at, obstacle.last);
  }
  return undefined;
}

/** The number of the first candidate after an address in the range of candidate `at`, or else the end of that range. */
function numberAfter(ring: Ring, at: bigint, last: bigint): bigint {
  const { range, start, count } = partAt(ring, at);
  const behind = ((last - range.first) >> hostBits(ring, range)) + 1n;
  const next = start + (behind < count ? behind : count);
  return at + (next - (at % ring.count));
}
