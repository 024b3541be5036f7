/**
 * What the rules ask of a store. Each method is one atomic operation on one item, or one page of a strongly consistent
 * read; each may be repeated by the store until its result is known, and may land late. To lose a race is a returned
 * value, not an error.
 */
import type { Address, Cidr, Range } from './address.ts';
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
  /** Never used, or free since before `cooledBy` (ms). `sparesGiven`: and not last asked for by its name (`wasGiven`). */
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
  /** Why some more cannot be read. */
  readonly unreadable: readonly string[];
  /** The id of the last host of the page, readable or not. `undefined`: there is none. */
  readonly last: string | undefined;
}

/** What a shared name of automatic pools stands for. */
export interface PoolName {
  readonly cidr: Cidr;
  readonly generation: string;
}

/** What the index tells of a reference. */
export type IndexedRef = Pick<Ref, 'generation' | 'name' | 'requestKey'>;

/** An item that somebody may have left behind. */
export type Found =
  | { readonly kind: 'pool'; readonly pool: Pool }
  | { readonly kind: 'ref'; readonly ref: Ref }
  | { readonly kind: 'chunk'; readonly generation: string; readonly chunk: Chunk };

/** Hosts are spread over so many partitions, so that all of them are found by as many queries. */
export const HOST_SHARDS = 16;

export interface Store {
  /** `undefined`: nobody configured it. */
  readSpace(space: string): Promise<Space | undefined>;
  /** Sets what a space is to be, if it is still the very one that was seen. `undefined`: it is not. */
  writeSpace(space: string, settings: SpaceSettings, seen: Space | undefined): Promise<Space | undefined>;

  /** The last term of a leader in a space of managers; 0: there was none. */
  readTerm(space: string): Promise<number>;
  /** Makes the next number the last term, if it is still the one that was seen. To whoever is told `true` it belongs alone. */
  raiseTerm(space: string, seen: number): Promise<boolean>;

  /**
   * Announces a pool unless one stands at its CIDR already. After an ambiguous result it announces anew as another
   * generation: under one generation, a late duplicate would bring back an announcement that was removed since.
   *
   * @param generation that of an earlier life, which is to be taken up again: then each attempt has a `rev` of its own.
   */
  announcePool(draft: PoolDraft, generation?: string): Promise<{ announced: Pool } | { standing: Pool }>;
  readPool(space: string, cidr: Cidr): Promise<Pool | undefined>;
  /** Pools that start inside a range, ascending by start, then by prefix length; `after` continues a page. */
  poolsStartingIn(space: string, range: Range, after?: Cidr): Promise<Page<Pool>>;
  /** Pools that start before an address, descending; `before` continues a page. */
  poolsStartingBefore(space: string, address: Address, before?: Cidr): Promise<Page<Pool>>;
  /** Sets a pool's state if it is still the very one that was seen. `undefined`: it is not. */
  changePool(seen: Pool, state: Pool['state']): Promise<Pool | undefined>;
  /** Removes a pool if it is still the very one that was seen. */
  removePool(seen: Pool): Promise<boolean>;

  readPoolName(space: string, family: Cidr['family'], name: string): Promise<PoolName | undefined>;
  /** Lets a name stand for a pool if it still stands for `seen` (`undefined`: for nothing). */
  writePoolName(space: string, name: string, pool: PoolName, seen: PoolName | undefined): Promise<boolean>;

  /** Adds a reference unless one of that name exists, be it a tombstone. */
  addRef(ref: Ref): Promise<boolean>;
  /** Puts a reference in the place of the one that was seen (`undefined`: none), which has ended or was to be revived. */
  reviveRef(ref: Ref, seen: Ref | undefined): Promise<boolean>;
  readRef(generation: string, name: string): Promise<Ref | undefined>;
  /** Sets what a live reference keeps, if it is of the epoch and keeps just what was seen. */
  writeKept(seen: Ref, kept: Kept): Promise<boolean>;
  /** Turns a reference into a tombstone, which still says what it was, and since when (ms). `false`: there is none. */
  endRef(generation: string, name: string, endedAt: number): Promise<boolean>;
  /** Changes what the life of its host makes of a reference, if its state and epoch are still those that were seen. */
  changeRefState(seen: Ref, next: RefStanding): Promise<boolean>;
  /** Removes a reference for good, if it is gone. */
  removeTombstone(generation: string, name: string): Promise<boolean>;
  /** References of one life of a pool, tombstones included; `after` (a ref's name) continues a page. */
  refsOf(generation: string, after?: string): Promise<Page<Ref>>;
  /**
   * The references, tombstones included, that the attempts of one call of a host have added. Found through an index that
   * lags a little: one that was added a moment ago may be missing, and what is found is read again before it is acted on.
   */
  refsOfCall(hostId: string, requestKey: string): Promise<readonly Pick<Ref, 'generation' | 'name'>[]>;
  /** All references of a host, tombstones included, through the same index; `after` continues a page. */
  refsOfHost(hostId: string, after?: IndexedRef): Promise<Page<IndexedRef>>;

  readHost(id: string): Promise<Host | undefined>;
  /** Writes a host if it is still the very one that was seen (`undefined`: none). `undefined`: it is not. */
  writeHost(next: Omit<Host, 'rev'>, seen: Host | undefined): Promise<Host | undefined>;
  /** The hosts of one shard, from 0 to `HOST_SHARDS - 1`; `after` (a host's id) continues a page. */
  hostsOfShard(shard: number, after?: string): Promise<HostPage>;

  /** The chunks from `first` to `last`, both of one group, that exist. */
  readChunks(generation: string, first: bigint, last: bigint): Promise<readonly Chunk[]>;
  /**
   * Writes a slot on a condition. A write that is found done already (by a repeat of ours) has succeeded.
   * `sticky`: set, or taken away where `undefined`.
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
   * Some of all pools, references and chunks there are, in an order of the store's own. Looks at `limit` items at most,
   * other items included. `unreadable` says why some cannot be read. `next` is where to go on; `undefined`: that was all.
   */
  walk(
    from: string | undefined,
    limit: number,
  ): Promise<{ items: readonly Found[]; unreadable: readonly string[]; next: string | undefined }>;
  /** How far the last sweep came. */
  readSweep(): Promise<SweepCursor | undefined>;
  writeSweep(cursor: SweepCursor): Promise<void>;

  /** Notes from which Region the table is written, unless that is noted already. @returns what is noted. */
  claimHome(region: string): Promise<string>;

  /**
   * A code for a text, of `SEAL_WIDTH` characters of `0-9a-z`, that nobody can make who cannot read the table. The key
   * behind it is made on first use, and held from then on: a process reads it once.
   */
  seal(text: string): Promise<string>;
  /** Whether a code is the one for a text. */
  isSeal(text: string, seal: string): Promise<boolean>;
}
