/** Keys, orders and pages of the store in memory. */
import { CHUNK_SIZE, type Chunk } from '../../functions/ipam/chunk.ts';
import type { Pool } from '../../functions/ipam/pool.ts';
import type { Kept, Ref } from '../../functions/ipam/ref.ts';
import { type Found, HOST_SHARDS, type IndexedRef, type Page } from '../../functions/ipam/store.ts';
import { type Cidr, cidrRange, sameCidr } from '../../protocol/address.ts';

export interface PageSizes {
  readonly forward: number;
  readonly backward: number;
  readonly refs: number;
  readonly next: number;
}

/** Small first pages, so that tests cover continuation. */
export const PAGES: PageSizes = { forward: 100, backward: 4, refs: 16, next: 1_000 };

export function counting(from = 0): () => string {
  let ids = from;
  return () => (++ids).toString(36).padStart(12, '0');
}

/** One page of a sorted list: the first, or the one after the last item of the previous page. */
export function pageAfter<T, Last>(
  list: readonly T[],
  sizes: { readonly first: number; readonly next: number },
  last: Last | undefined,
  isBefore: (item: T, last: Last) => boolean,
): Page<T> {
  const rest = last === undefined ? list : list.filter((item) => !isBefore(item, last));
  const size = last === undefined ? sizes.first : sizes.next;
  return { items: rest.slice(0, size), more: rest.length > size };
}

export const sorted = <T>(list: readonly T[], by: (item: T) => string): T[] =>
  list.toSorted((a, b) => (by(a) < by(b) ? -1 : 1));

/** The attributes in the index. */
export const indexed = ({ generation, name, requestKey }: Ref): IndexedRef => ({ generation, name, requestKey });

export function compare(a: Cidr, b: Cidr): number {
  if (sameCidr(a, b)) return 0;
  if (a.family !== b.family) return a.family - b.family;
  if (a.first !== b.first) return a.first < b.first ? -1 : 1;
  return a.prefix - b.prefix;
}

const emptySlots = (): undefined[] => Array.from({ length: CHUNK_SIZE }, () => undefined);
export const emptyChunk = (index: bigint): Chunk => ({ index, slots: emptySlots(), stickies: emptySlots() });
export const poolKey = ({ space, cidr }: Pick<Pool, 'space' | 'cidr'>): string =>
  `${space} ${cidr.family} ${cidrRange(cidr).first} ${cidr.prefix}`;
export const refKey = ({ generation, name }: Pick<Ref, 'generation' | 'name'>): string => `${generation} ${name}`;
export const chunkKey = (generation: string, index: bigint): string => `${generation} ${index}`;
export const keptText = ({ gateway, reserved, asked }: Kept): string =>
  [
    gateway?.value ?? '',
    ...reserved.map(({ first, last }) => `${first}-${last}`),
    ...asked.map(({ address, sequence }) => `${address.value}@${sequence}`),
  ].join();

/** The order of the index. */
export const sortKey = ({ requestKey, generation, name }: IndexedRef): string => `${requestKey} ${generation} ${name}`;

export const shardOf = (id: string): number => id.charCodeAt(id.length - 1) % HOST_SHARDS;

interface Items {
  readonly pools: ReadonlyMap<string, Pool>;
  readonly refs: ReadonlyMap<string, Ref>;
  readonly chunks: ReadonlyMap<string, Chunk>;
}

/** All items that a walk visits, in its order. */
export function everything({ pools, refs, chunks }: Items): { readonly key: string; readonly found: Found }[] {
  const all: { key: string; found: Found }[] = [
    ...[...pools].map(([key, pool]) => ({ key: `pool ${key}`, found: { kind: 'pool' as const, pool } })),
    ...[...refs].map(([key, ref]) => ({ key: `ref ${key}`, found: { kind: 'ref' as const, ref } })),
    ...[...chunks].map(([key, chunk]) => {
      const [generation = ''] = key.split(' ');
      return { key: `chunk ${key}`, found: { kind: 'chunk' as const, generation, chunk } };
    }),
  ];
  return sorted(all, ({ key }) => key);
}
