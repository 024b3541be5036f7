/** Which subnet an automatic pool becomes. Pure: a ring of candidates, cut from the ranges of a space. */
import { type Cidr, cidrRange } from './address.ts';
import type { RangeSet } from './range-set.ts';

/** All subnets of one size in the ranges of a space, numbered through. */
export interface Ring {
  readonly size: number;
  readonly parts: readonly { readonly range: Cidr; readonly start: bigint }[];
  readonly count: bigint;
}

export function ringOf(ranges: readonly Cidr[], size: number): Ring {
  let count = 0n;
  const parts = ranges
    .filter((range) => range.prefix <= size)
    .map((range) => {
      const start = count;
      count += 1n << BigInt(size - range.prefix);
      return { range, start };
    });
  return { size, parts, count };
}

/** The candidate of a number, counted round the ring. */
export function candidate(ring: Ring, number: bigint): Cidr {
  const index = number % ring.count;
  const part = ring.parts.findLast(({ start }) => start <= index);
  if (part === undefined) throw new Error('the ring is empty');
  const { family, first } = part.range;
  return { family, first: first + ((index - part.start) << hostBits(ring, part.range)), prefix: ring.size };
}

const hostBits = (ring: Ring, { family }: Cidr): bigint => BigInt((family === 4 ? 32 : 128) - ring.size);

/**
 * The first candidate from `number` on that runs into nothing that is taken.
 *
 * @returns its number, or `undefined` once round the ring.
 */
export function firstClear(ring: Ring, number: bigint, taken: RangeSet): bigint | undefined {
  const end = number + ring.count;
  for (let at = number; at < end;) {
    const obstacle = taken.meets(cidrRange(candidate(ring, at)));
    if (obstacle === undefined) return at;
    at = numberAfter(ring, at, obstacle.last);
  }
  return undefined;
}

/** The number of the first candidate behind an address, as far as it lies in the same range as candidate `at`. */
function numberAfter(ring: Ring, at: bigint, last: bigint): bigint {
  const index = at % ring.count;
  const part = ring.parts.findLast(({ start }) => start <= index);
  if (part === undefined) throw new Error('the ring is empty');
  const bits = hostBits(ring, part.range);
  const partCount = 1n << BigInt(ring.size - part.range.prefix);
  const behind = ((last - part.range.first) >> bits) + 1n;
  const next = part.start + (behind < partCount ? behind : partCount);
  return at + (next - index);
}
