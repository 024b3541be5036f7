/** How the table stores a pool's addresses: sixteen neighbours in one item, a chunk, each in its own slot. */
import {
  type Address,
  type Cidr,
  cidrRange,
  formatAddress,
  formatCidr,
  rangeContains,
} from '../../protocol/address.ts';

/** Slots of a chunk: neighbouring addresses in one item. */
export const CHUNK_SIZE = 16;
/** Chunks under one partition key: one query reads them all, and a big pool is spread over many partitions. */
export const CHUNKS_PER_GROUP = 64n;

const SLOTS = BigInt(CHUNK_SIZE);

export interface Chunk {
  readonly index: bigint;
  /** Sixteen encoded slots; `undefined` was never used. */
  readonly slots: readonly (string | undefined)[];
  /** For each slot, a hash of what identifies its last holder. A release leaves it as it is. */
  readonly stickies: readonly (string | undefined)[];
}

/** Where a slot is: the generation of the pool, the chunk, and which of its sixteen slots. */
export interface SlotPlace {
  readonly generation: string;
  readonly chunk: bigint;
  readonly slot: number;
}

/** The chunk that holds an address. @param offset of the address from the pool's first. */
export const chunkOf = (offset: bigint): bigint => offset / SLOTS;

/** Chunks are in groups of sixty-four, each under one partition key. */
export const groupOf = (chunk: bigint): bigint => chunk / CHUNKS_PER_GROUP;

/** The first chunk of the group after a chunk's own. */
export const nextGroup = (chunk: bigint): bigint => (groupOf(chunk) + 1n) * CHUNKS_PER_GROUP;

/** How far a slot's address is from the pool's first. */
export const offsetOf = (chunk: bigint, slot: number): bigint => chunk * SLOTS + BigInt(slot);

/** @throws Error when the address is not in the pool. */
export function placeOf(generation: string, cidr: Cidr, address: Address): SlotPlace {
  if (!rangeContains(cidrRange(cidr), address))
    throw new Error(`${formatAddress(address)} is not in ${formatCidr(cidr)}`);
  const offset = address.value - cidr.first;
  return { generation, chunk: chunkOf(offset), slot: Number(offset % SLOTS) };
}

export const addressAt = (cidr: Cidr, chunk: bigint, slot: number): Address => ({
  family: cidr.family,
  value: cidr.first + offsetOf(chunk, slot),
});
