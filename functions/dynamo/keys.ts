/** The keys of the table (docs/data-model.md), and back. */
import { type Address, type Cidr, type Family, addressBits } from '../ipam/address.ts';
import { CHUNKS_PER_GROUP } from '../ipam/store.ts';
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
  if (match === null) throw new Error(`not the key of a pool: ${sk}`);
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

export const hostKey = (id: string): Key => ({ pk: `host#${id}`, sk: 'host' });

export const parseHostKey = ({ pk }: Key): { id: string } => ({ id: pk.slice('host#'.length) });

/** Sixty-four chunks share a partition key: a big pool is spread, and one query still reads many. */
export const chunkKey = (generation: string, chunk: bigint): Key => ({
  pk: `pool#${generation}#${(chunk / CHUNKS_PER_GROUP).toString(16)}`,
  sk: `chunk#${(chunk % CHUNKS_PER_GROUP).toString(16).padStart(2, '0')}`,
});

export function parseChunkKey({ pk, sk }: Key): bigint {
  const group = pk.slice(pk.lastIndexOf('#') + 1);
  return BigInt(`0x${group}`) * CHUNKS_PER_GROUP + BigInt(`0x${sk.slice('chunk#'.length)}`);
}
