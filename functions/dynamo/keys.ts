/** The keys of the table (docs/data-model.md), written and parsed. */
import { type Address, type Cidr, type Family, addressBits } from '../../protocol/address.ts';
import { CHUNKS_PER_GROUP, groupOf } from '../ipam/chunk.ts';
import { HOST_SHARDS } from '../ipam/store.ts';
import { UnreadableItem } from '../ipam/unreadable.ts';
import type { Key } from './table.ts';

const spacePartition = (space: string): string => `space#${space}`;

export const spaceKey = (space: string): Key => ({ pk: spacePartition(space), sk: 'config' });

export const nameKey = (space: string, family: Family, name: string): Key => ({
  pk: spacePartition(space),
  sk: `name#${family}#${name}`,
});

/** Fixed widths, so that pools sort by family, then by start, then by prefix length. */
export const poolKey = (space: string, { family, first, prefix }: Cidr): Key => ({
  pk: spacePartition(space),
  sk: `${poolStart({ family, value: first })}#${String(prefix).padStart(3, '0')}`,
});

/** Sorts before every pool that starts at the address, and after every pool that starts earlier. */
export const poolStart = ({ family, value }: Address): string =>
  `pool#${family}${value.toString(16).padStart(addressBits(family) / 4, '0')}`;

/** Sorts before every pool of a family. */
export const firstPool = (family: Family): string => `pool#${family}`;

/** Sorts after every pool that starts at the address. */
export const poolStartEnd = (address: Address): string => `${poolStart(address)}#~`;

export function parsePoolKey({ pk, sk }: Key): { space: string; cidr: Cidr } {
  const match = /^pool#([46])([0-9a-f]+)#(\d{3})$/.exec(sk);
  if (match === null) throw new UnreadableItem(`${pk} ${sk}`, 'not the key of a pool');
  const [, family, first, prefix] = match;
  return {
    space: pk.slice('space#'.length),
    cidr: { family: family === '4' ? 4 : 6, first: BigInt(`0x${first}`), prefix: Number(prefix) },
  };
}

export const refPartition = (generation: string): string => `pool#${generation}`;

export const refKey = (generation: string, name: string): Key => ({
  pk: refPartition(generation),
  sk: `ref#${name}`,
});

export const parseRefKey = ({ pk, sk }: Key): { generation: string; name: string } => ({
  generation: pk.slice('pool#'.length),
  name: sk.slice('ref#'.length),
});

/** Hosts are in few partitions, so that all are found without an index, to which each heartbeat would have to write. */
export const hostKey = (id: string): Key => ({ pk: hostPartition(shardOf(id)), sk: `host#${id}` });

export const hostPartition = (shard: number): string => `hosts#${shard.toString(16)}`;

export const parseHostKey = ({ sk }: Key): { id: string } => ({ id: sk.slice('host#'.length) });

/** FNV-1a, whose upper bits are mixed best. */
function shardOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return ((hash >>> 16) ^ (hash >>> 24)) % HOST_SHARDS;
}

/** In a space of managers: the term of the last leader. */
export const termKey = (space: string): Key => ({ pk: `space#${space}`, sk: 'term' });

/** The list of spaces that is noted for viewers. */
export const NOTES = 'spaces';
export const noteKey = (space: string): Key => ({ pk: NOTES, sk: `space#${space}` });
export const noteSpaceOf = (sk: string): string => sk.slice('space#'.length);

/** What a space held over time: a ring of hours. */
export const hoursPartition = (space: string): string => `usage#${space}`;
export const hourKey = (space: string, hour: number): Key => ({
  pk: hoursPartition(space),
  sk: `hour#${String(hour).padStart(3, '0')}`,
});

/** Whether an item is there for viewers alone. */
export const isNote = ({ pk }: Key): boolean => pk === NOTES || pk.startsWith(hoursPartition(''));

export const sweepKey: Key = { pk: 'sweep', sk: 'sweep' };
/** The key that PoolIDs are sealed with. A restore leaves it out (infra/align-table.ts). */
export const sealKey: Key = { pk: 'key', sk: 'key' };
export const homeKey: Key = { pk: 'home', sk: 'home' };

/** Sixty-four chunks share a partition key, so that a big pool is spread, and one query still reads many chunks. */
export const chunkKey = (generation: string, chunk: bigint): Key => ({
  pk: `pool#${generation}#${groupOf(chunk).toString(16)}`,
  sk: `chunk#${(chunk % CHUNKS_PER_GROUP).toString(16).padStart(2, '0')}`,
});

export const chunkGeneration = ({ pk }: Key): string => pk.slice('pool#'.length, pk.lastIndexOf('#'));

export function parseChunkKey({ pk, sk }: Key): bigint {
  const group = pk.slice(pk.lastIndexOf('#') + 1);
  return BigInt(`0x${group}`) * CHUNKS_PER_GROUP + BigInt(`0x${sk.slice('chunk#'.length)}`);
}
