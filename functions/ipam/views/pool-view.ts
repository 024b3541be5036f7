/** A pool as viewers see it: how full it is, and whose networks use it. */
import { type Cidr, type Range, cidrSize, formatAddress, usableRange } from '../../../protocol/address.ts';
import { sequenceOf } from '../../../protocol/request-key.ts';
import { leasesOf } from '../addresses/leases.ts';
import { isSearchable } from '../addresses/region.ts';
import { sideBySide } from '../all-settled.ts';
import { type Chunk, CHUNKS_PER_GROUP, CHUNK_SIZE, chunkOf } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import type { Pool } from '../pool.ts';
import type { Ref } from '../ref.ts';
import { decodeSlot } from '../slot.ts';

/** How many addresses of a pool are in which state. */
export interface PoolCount {
  readonly leased: number;
  readonly reserved: number;
  readonly resting: number;
  /** `false`: a part of the pool was not counted. */
  readonly isAll: boolean;
}

/** Addresses that networks and endpoints of a pool can have. */
export function sizeOf(cidr: Cidr): bigint {
  const usable = usableRange(cidr);
  return usable === undefined ? 0n : usable.last - usable.first + 1n;
}

/** The groups of chunks of a pool that a search reads as a whole. */
export const groupsOf = (cidr: Cidr): { first: bigint; last: bigint }[] => {
  const last = chunkOf(cidrSize(cidr) - 1n);
  return Array.from({ length: Number(last / CHUNKS_PER_GROUP) + 1 }, (_, group) => {
    const first = BigInt(group) * CHUNKS_PER_GROUP;
    const end = first + CHUNKS_PER_GROUP - 1n;
    return { first, last: end < last ? end : last };
  });
};

/**
 * Counts a whole pool or, in a large one, what its networks lease where their addresses lie.
 *
 * @param isOver asked before each read: what has not been read by then is not counted.
 */
export async function countPool(deps: Deps, pool: Pool, isOver: () => boolean): Promise<PoolCount> {
  const { generation, cidr } = pool;
  if (!isSearchable(pool)) return countLarge(deps, pool, isOver);
  const groups = groupsOf(cidr);
  const read = await sideBySide(groups, ({ first, last }) => deps.store.readChunks(generation, first, last), isOver);
  return { ...countChunks(read.flat(), pool, deps.world.now()), isAll: read.length === groups.length };
}

async function countLarge(deps: Deps, { generation }: Pool, isOver: () => boolean): Promise<PoolCount> {
  const { items } = await deps.store.refsOf(generation);
  const standing = items.filter(({ state }) => state !== 'gone');
  let leased = 0;
  for await (const leases of leasesOf(deps, standing, isOver)) leased += leases.length;
  return { leased, reserved: 0, resting: 0, isAll: false };
}

function countChunks(chunks: readonly Chunk[], { cooldown }: Pool, now: number): Omit<PoolCount, 'isAll'> {
  const counts = { leased: 0, reserved: 0, resting: 0 };
  for (const slot of chunks.flatMap(({ slots }) => slots)) {
    const state = decodeSlot(slot);
    if (state === undefined) continue;
    if (state.kind !== 'free') counts[state.kind]++;
    else if (now < state.releasedAt + cooldown) counts.resting++;
  }
  return counts;
}

/** ms: when a request was made, by the clock of its host. */
export const timeOfKey = (requestKey: string): number => parseInt(sequenceOf(requestKey), 36);

/** What a network keeps from endpoints, as text. */
export const reservesOf = ({ gateway, reserved }: Pick<Ref, 'gateway' | 'reserved'>): string[] => [
  ...(gateway === undefined ? [] : [formatAddress(gateway)]),
  ...reserved.map(formatRange),
];

function formatRange({ family, first, last }: Range): string {
  const text = formatAddress({ family, value: first });
  return first === last ? text : `${text}-${formatAddress({ family, value: last })}`;
}

/** Addresses in one group of chunks. */
export const GROUP_ADDRESSES = CHUNK_SIZE * Number(CHUNKS_PER_GROUP);
