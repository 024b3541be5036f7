/**
 * A base: what a walk over the whole table finds. Entries go on from it, so that a question about a day reads that day
 * and not everything before. The table changes during the walk; what changes then is in the entries of later runs as well.
 */
import type { Store } from '../store.ts';
import type { World } from '../world.ts';
import { type Entry, poolState } from './entry.ts';
import { shelfOf } from './shelf.ts';
import type { HistoryStore } from './store.ts';

/** Items of one page of the walk. */
const PAGE_ITEMS = 500;
/** Entries of one part of a base: some 100 KB, of at most 400. */
const PART_ENTRIES = 4_000;

export interface BaseDeps {
  readonly world: World;
  readonly store: Pick<Store, 'walk'>;
  readonly history: HistoryStore;
}

/**
 * Walks over the table and writes the parts of a base.
 *
 * @returns bytes. `undefined`: an item cannot be read, so that the base would be wrong; or time is up.
 */
export async function writeBase(deps: BaseDeps, name: string, deadline: number): Promise<number | undefined> {
  const writer = partWriter(deps, name);
  let from: string | undefined;
  do {
    if (deps.world.now() >= deadline) return undefined;
    const { items, unreadable, next } = await deps.store.walk(from, PAGE_ITEMS);
    if (unreadable.length > 0) return undefined;
    await writer.add(items.flatMap(found));
    from = next;
  } while (from !== undefined);
  return writer.end();
}

/** In a base an entry has no time: it says what is. */
const TIMELESS = { second: 0, sequence: 0n } as const;

function found(item: Awaited<ReturnType<Store['walk']>>['items'][number]): Entry[] {
  switch (item.kind) {
    case 'pool': {
      const { space, cidr } = item.pool;
      return [{ ...TIMELESS, kind: 'pool', space, cidr, was: '', now: poolState(item.pool) }];
    }
    case 'ref': {
      const { generation, name, hostId: host } = item.ref;
      return [{ ...TIMELESS, kind: 'ref', generation, name, host }];
    }
    case 'chunk': {
      const { generation, chunk } = item;
      return chunk.slots.flatMap((now, slot): Entry[] =>
        now === undefined ? [] : [{ ...TIMELESS, kind: 'slot', generation, chunk: chunk.index, slot, was: '', now }],
      );
    }
  }
}

function partWriter({ world, history }: BaseDeps, name: string) {
  const open = new Map<string, Entry[]>();
  const parts = new Map<string, number>();
  let bytes = 0;
  const write = async (shelf: string, entries: readonly Entry[]): Promise<void> => {
    const part = parts.get(shelf) ?? 0;
    parts.set(shelf, part + 1);
    bytes += await history.putPart(name, shelf, part, entries);
  };
  return {
    async add(entries: readonly Entry[]): Promise<void> {
      for (const entry of entries) {
        const shelf = shelfOf(world, entry);
        const list = open.get(shelf) ?? [];
        list.push(entry);
        open.set(shelf, list);
      }
      for (const [shelf, list] of open) {
        if (list.length < PART_ENTRIES) continue;
        open.delete(shelf);
        await write(shelf, list);
      }
    },
    async end(): Promise<number> {
      for (const [shelf, list] of open) await write(shelf, list);
      return bytes;
    },
  };
}
