/**
 * What the rules need from a store. Each method is one atomic operation on one item, or one page of a strongly consistent
 * read. The store may repeat each until its result is known, and each may land late. A lost race is a returned value, not
 * an error.
 */
import type { Address, Cidr, Range } from '../../protocol/address.ts';
import type { Chunk, SlotPlace } from './chunk.ts';
import type { Host } from './host.ts';
import type { Pool, PoolDraft } from './pool.ts';
import type { Kept, Ref, RefStanding } from './ref.ts';
import type { Space, SpaceSettings } from './space.ts';
import type { SweepCursor } from './sweep-cursor.ts';

/** Characters of a seal: 103 bits. */
export const SEAL_WIDTH = 20;

/** What a slot must hold for a write to it to go ahead. */
export type SlotExpectation =
  /** Never used, or free since before `cooledBy` (ms). `sparesGiven`: and not last requested by address (`wasGiven`). */
  | { readonly kind: 'free'; readonly cooledBy: number; readonly sparesGiven?: boolean }
  /** Exactly this (`undefined`: never used). */
  | { readonly kind: 'exactly'; readonly value: string | undefined };

export type SlotOutcome = { readonly written: true } | { readonly written: false; readonly chunk: Chunk };

export interface Page<T> {
  readonly items: readonly T[];
  /** There may be more after the last of these. */
  readonly more: boolean;
}

export interface HostPage extends Page<Host> {
  /** Why further hosts of the page cannot be read. */
  readonly unreadable: readonly string[];
  /** The id of the last host of the page, readable or not. `undefined`: the page is empty. */
  readonly last: string | undefined;
}

/** What a shared name of automatic pools stands for. */
export interface PoolName {
  readonly cidr: Cidr;
  readonly generation: string;
}

/** What the index holds of a reference. */
export type IndexedRef = Pick<Ref, 'generation' | 'name' | 'requestKey'>;

/** An item that may be a leftover. */
export type Found =
  | { readonly kind: 'pool'; readonly pool: Pool }
  | { readonly kind: 'ref'; readonly ref: Ref }
  | { readonly kind: 'chunk'; readonly generation: string; readonly chunk: Chunk };

/** Hosts are spread over so many partitions: that many queries find all of them. */
export const HOST_SHARDS = 16;

export interface Store {
  /** `undefined`: no operator has configured it. */
  readSpace(space: string): Promise<Space | undefined>;
  /** Writes the settings of a space if it is unchanged since `seen`. `undefined`: it has changed. */
  writeSpace(space: string, settings: SpaceSettings, seen: Space | undefined): Promise<Space | undefined>;

  /** The last term of a leader in a space of managers; 0: there was none. */
  readTerm(space: string): Promise<number>;
  /** Raises the last term by one if it is still `seen`. Only one caller gets `true` for a term: it belongs to that caller. */
  raiseTerm(space: string, seen: number): Promise<boolean>;

  /**
   * Announces a pool unless its CIDR already has one. After an ambiguous result it announces the pool again under another
   * generation: under the same one, a late duplicate would restore an announcement that has been removed.
   *
   * @param generation that of an earlier life, which is to be taken up again: then each attempt has its own `rev`.
   */
  announcePool(draft: PoolDraft, generation?: string): Promise<{ announced: Pool } | { standing: Pool }>;
  readPool(space: string, cidr: Cidr): Promise<Pool | undefined>;
  /**
   * Pools that start inside a range, ascending by start, then by prefix length; `after` continues a page. `limit`: the most
   * pools of this page.
   */
  poolsStartingIn(space: string, range: Range, after?: Cidr, limit?: number): Promise<Page<Pool>>;
  /** Pools that start before an address, descending; `before` continues a page. */
  poolsStartingBefore(space: string, address: Address, before?: Cidr): Promise<Page<Pool>>;
  /** Sets a pool's state if the pool is unchanged since `seen`. `undefined`: it has changed. */
  changePool(seen: Pool, state: Pool['state']): Promise<Pool | undefined>;
  /** Removes a pool if it is unchanged since `seen`. */
  removePool(seen: Pool): Promise<boolean>;

  readPoolName(space: string, family: Cidr['family'], name: string): Promise<PoolName | undefined>;
  /** Points a name to a pool if it still points to `seen` (`undefined`: to nothing). */
  writePoolName(space: string, name: string, pool: PoolName, seen: PoolName | undefined): Promise<boolean>;

  /** Adds a reference unless one of that name exists, even as a tombstone. */
  addRef(ref: Ref): Promise<boolean>;
  /** Replaces the reference that was seen (`undefined`: none), which has ended or was being revived. */
  reviveRef(ref: Ref, seen: Ref | undefined): Promise<boolean>;
  readRef(generation: string, name: string): Promise<Ref | undefined>;
  /** Those of many references that exist, in any order. Each is read by itself: together they are no snapshot. */
  readRefs(keys: readonly Pick<Ref, 'generation' | 'name'>[]): Promise<readonly Ref[]>;
  /** Sets what a live reference keeps, if its epoch and what it keeps are unchanged since `seen`. */
  writeKept(seen: Ref, kept: Kept): Promise<boolean>;
  /** Turns a reference into a tombstone, which keeps its fields and when it ended (ms). `false`: there is no such reference. */
  endRef(generation: string, name: string, endedAt: number): Promise<boolean>;
  /** Changes the fields of a reference that follow its host, if its state and epoch are unchanged since `seen`. */
  changeRefState(seen: Ref, next: RefStanding): Promise<boolean>;
  /** Deletes a reference if it is `gone`. */
  removeTombstone(generation: string, name: string): Promise<boolean>;
  /** References of one life of a pool, tombstones included; `after` (a ref's name) continues a page. */
  refsOf(generation: string, after?: string): Promise<Page<Ref>>;
  /**
   * The references, tombstones included, that the attempts of one call of a host have added. Found through an index that
   * lags a little: one that was just added may be missing, and the caller reads what is found again before it acts on it.
   */
  refsOfCall(hostId: string, requestKey: string): Promise<readonly Pick<Ref, 'generation' | 'name'>[]>;
  /** All references of a host, tombstones included, through the same index; `after` continues a page. */
  refsOfHost(hostId: string, after?: IndexedRef): Promise<Page<IndexedRef>>;

  readHost(id: string): Promise<Host | undefined>;
  /** Writes a host if it is unchanged since `seen` (`undefined`: it did not exist). Returns `undefined` if it has changed. */
  writeHost(next: Omit<Host, 'rev'>, seen: Host | undefined): Promise<Host | undefined>;
  /** Removes a host if it is unchanged since `seen`. */
  removeHost(seen: Host): Promise<boolean>;
  /** The hosts of one shard, from 0 to `HOST_SHARDS - 1`; `after` (a host's id) continues a page. */
  hostsOfShard(shard: number, after?: string): Promise<HostPage>;

  /** The chunks from `first` to `last`, both of one group, that exist. */
  readChunks(generation: string, first: bigint, last: bigint): Promise<readonly Chunk[]>;
  /**
   * Writes a slot on a condition. If an earlier attempt of the same write has landed, the write has succeeded.
   * `sticky` is set, or removed if `undefined`.
   */
  writeSlot(
    place: SlotPlace,
    value: string,
    sticky: string | undefined,
    expectation: SlotExpectation,
  ): Promise<SlotOutcome>;
  /** Frees a slot if its lease lies between the two bounds, both exclusive in effect (see `leasesUpTo`). */
  releaseSlot(place: SlotPlace, value: string, leases: readonly [from: string, to: string]): Promise<SlotOutcome>;
  /** Removes a chunk if none of its slots is leased or reserved. */
  removeChunk(generation: string, index: bigint): Promise<boolean>;

  /**
   * Some of all pools, references and chunks, in the store's own order. Reads `limit` items at most, other kinds of items
   * included. `unreadable` says why some cannot be read. `next` is where to continue; `undefined`: the walk has ended.
   */
  walk(
    from: string | undefined,
    limit: number,
  ): Promise<{ items: readonly Found[]; unreadable: readonly string[]; next: string | undefined }>;
  /** How far the last sweep came. */
  readSweep(): Promise<SweepCursor | undefined>;
  writeSweep(cursor: SweepCursor): Promise<void>;

  /** Records the Region that the table is written from, unless one is recorded already. @returns the recorded one. */
  claimHome(region: string): Promise<string>;

  /**
   * A code for a text, of `SEAL_WIDTH` characters of `0-9a-z`, that only a reader of the table can make. Its key is made
   * on first use and kept in memory: a process reads it once.
   */
  seal(text: string): Promise<string>;
  /** Whether a code is the seal of a text. */
  isSeal(text: string, seal: string): Promise<boolean>;
}
