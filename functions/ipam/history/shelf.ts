/** Where entries are kept: a reader of one address reads one shelf and the common one, not the whole fleet's history. */
import { type World, digestBelow } from '../world.ts';
import type { Entry } from './entry.ts';

/** Shelves of addresses, by the life of their pool. */
export const SHELVES = 16;
/** The shelf of all pools: which pool contained an address must be known before the shelf of the address is. */
export const POOLS = 'pools';
/** The shelf of hosts' states. */
export const HOSTS = 'hosts';
/** What a quiet fleet changes is one small item here, not one on each shelf: each item costs a write unit at least. */
export const COMMON = 'common';
/** The most entries of a run that go to the common shelf: some 4 KB. */
export const MAX_COMMON = 128;

export const ADDRESS_SHELVES: readonly string[] = Array.from({ length: SHELVES }, (_, number) => number.toString(16));

export const shelfOfGeneration = (world: World, generation: string): string =>
  Number(digestBelow(world, `shelf ${generation}`, BigInt(SHELVES))).toString(16);

export function shelfOf(world: World, entry: Entry): string {
  switch (entry.kind) {
    case 'pool':
      return POOLS;
    case 'host':
      return HOSTS;
    case 'slot':
    case 'ref':
      return shelfOfGeneration(world, entry.generation);
  }
}

/** The entries of one run by shelf. */
export function shelved(world: World, entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  if (entries.length === 0) return new Map();
  if (entries.length <= MAX_COMMON) return new Map([[COMMON, entries]]);
  return Map.groupBy(entries, (entry) => shelfOf(world, entry));
}
