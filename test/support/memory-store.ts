/** The store port in memory, for thousands of runs of the rules. It passes the same contract as the real store. */
import { hash } from 'node:crypto';
import type { Chunk, SlotPlace } from '../../functions/ipam/chunk.ts';
import type { Host } from '../../functions/ipam/host.ts';
import type { Pool, PoolDraft } from '../../functions/ipam/pool.ts';
import type { Kept, Ref, RefStanding } from '../../functions/ipam/ref.ts';
import { freedBefore, wasGiven } from '../../functions/ipam/slot.ts';
import type { Space, SpaceSettings } from '../../functions/ipam/space.ts';
import {
  type IndexedRef,
  type PoolName,
  SEAL_WIDTH,
  type SlotExpectation,
  type Store,
} from '../../functions/ipam/store.ts';
import type { SweepCursor } from '../../functions/ipam/sweep-cursor.ts';
import { type Cidr, rangeContains } from '../../protocol/address.ts';
import {
  PAGES,
  type PageSizes,
  chunkKey,
  compare,
  counting,
  emptyChunk,
  everything,
  indexed,
  keptText,
  pageAfter,
  poolKey,
  refKey,
  shardOf,
  sortKey,
  sorted,
} from './memory-items.ts';

export interface MemoryOptions {
  /** Returns an identity that is never the same twice. */
  readonly freshId?: () => string;
  /** How many items the first pages hold, and all later ones. */
  readonly pages?: PageSizes;
}

export class MemoryStore implements Store {
  readonly spaces = new Map<string, Space>();
  readonly pools = new Map<string, Pool>();
  readonly refs = new Map<string, Ref>();
  readonly chunks = new Map<string, Chunk>();
  readonly names = new Map<string, PoolName>();
  readonly hosts = new Map<string, Host>();
  #sweep: SweepCursor | undefined;
  #home: string | undefined;
  readonly terms = new Map<string, number>();
  readonly #freshId: () => string;
  readonly #pages: PageSizes;

  constructor({ freshId = counting(), pages = PAGES }: MemoryOptions = {}) {
    this.#freshId = freshId;
    this.#pages = pages;
  }

  #sizes = (first: keyof PageSizes) => ({ first: this.#pages[first], next: this.#pages.next });

  readSpace = (space: string) => Promise.resolve(this.spaces.get(space));

  readTerm = (space: string) => Promise.resolve(this.terms.get(space) ?? 0);

  raiseTerm(space: string, seen: number): Promise<boolean> {
    const isSeen = (this.terms.get(space) ?? 0) === seen;
    if (isSeen) this.terms.set(space, seen + 1);
    return Promise.resolve(isSeen);
  }

  writeSpace(space: string, settings: SpaceSettings, seen: Space | undefined) {
    if (this.spaces.get(space)?.rev !== seen?.rev) return Promise.resolve(undefined);
    const written: Space = { settings, rev: this.#freshId() };
    this.spaces.set(space, written);
    return Promise.resolve(written);
  }

  announcePool(draft: PoolDraft, former?: string): ReturnType<Store['announcePool']> {
    const standing = this.pools.get(poolKey(draft));
    if (standing !== undefined) return Promise.resolve({ standing });
    const announced: Pool = { ...draft, generation: former ?? this.#freshId(), rev: this.#freshId(), state: 'pending' };
    this.pools.set(poolKey(draft), announced);
    return Promise.resolve({ announced });
  }

  readPool = (space: string, cidr: Cidr) => Promise.resolve(this.pools.get(poolKey({ space, cidr })));

  poolsStartingIn(space: string, range: Parameters<Store['poolsStartingIn']>[1], after?: Cidr) {
    const found = this.#sorted(space).filter(({ cidr }) =>
      rangeContains(range, { family: cidr.family, value: cidr.first }),
    );
    return Promise.resolve(
      pageAfter(found, this.#sizes('forward'), after, ({ cidr }, last) => compare(cidr, last) <= 0),
    );
  }

  poolsStartingBefore(space: string, address: Parameters<Store['poolsStartingBefore']>[1], before?: Cidr) {
    const found = this.#sorted(space)
      .filter(({ cidr }) => cidr.family === address.family && cidr.first < address.value)
      .reverse();
    return Promise.resolve(
      pageAfter(found, this.#sizes('backward'), before, ({ cidr }, last) => compare(cidr, last) >= 0),
    );
  }

  #sorted(space: string): Pool[] {
    return [...this.pools.values()].filter((pool) => pool.space === space).sort((a, b) => compare(a.cidr, b.cidr));
  }

  changePool(seen: Pool, state: Pool['state']) {
    if (this.pools.get(poolKey(seen))?.rev !== seen.rev) return Promise.resolve(undefined);
    const changed: Pool = { ...seen, state, rev: this.#freshId() };
    this.pools.set(poolKey(seen), changed);
    return Promise.resolve(changed);
  }

  removePool(seen: Pool) {
    const same = this.pools.get(poolKey(seen))?.rev === seen.rev;
    return Promise.resolve(same && this.pools.delete(poolKey(seen)));
  }

  readPoolName = (space: string, family: Cidr['family'], name: string) =>
    Promise.resolve(this.names.get(`${space} ${family} ${name}`));

  writePoolName(space: string, name: string, pool: PoolName, seen: PoolName | undefined) {
    const key = `${space} ${pool.cidr.family} ${name}`;
    const standing = this.names.get(key);
    if (standing?.generation !== seen?.generation && standing?.generation !== pool.generation)
      return Promise.resolve(false);
    this.names.set(key, pool);
    return Promise.resolve(true);
  }

  addRef(ref: Ref) {
    const key = refKey(ref);
    const standing = this.refs.get(key);
    if (standing !== undefined)
      return Promise.resolve(standing.requestKey === ref.requestKey && standing.state === 'live');
    this.refs.set(key, ref);
    return Promise.resolve(true);
  }

  readRef(generation: string, name: string) {
    return Promise.resolve(this.refs.get(refKey({ generation, name })));
  }

  async readRefs(keys: readonly Pick<Ref, 'generation' | 'name'>[]) {
    const refs = await Promise.all(keys.map(({ generation, name }) => this.readRef(generation, name)));
    return refs.filter((ref) => ref !== undefined);
  }

  reviveRef(ref: Ref, seen: Ref | undefined) {
    const standing = this.refs.get(refKey(ref));
    const same =
      standing?.state === seen?.state && standing?.epoch === seen?.epoch && standing?.requestKey === seen?.requestKey;
    if (!same) return Promise.resolve(standing?.requestKey === ref.requestKey && standing.state === ref.state);
    this.refs.set(refKey(ref), ref);
    return Promise.resolve(true);
  }

  writeKept(seen: Ref, kept: Kept) {
    const ref = this.refs.get(refKey(seen));
    const same = ref?.state === 'live' && ref.epoch === seen.epoch && keptText(ref) === keptText(seen);
    if (!same) return Promise.resolve(ref?.state === 'live' && keptText(ref) === keptText(kept));
    this.refs.set(refKey(seen), { ...ref, gateway: kept.gateway, reserved: kept.reserved, asked: kept.asked });
    return Promise.resolve(true);
  }

  endRef(generation: string, name: string, endedAt: number) {
    const ref = this.refs.get(refKey({ generation, name }));
    if (ref !== undefined) this.refs.set(refKey(ref), { ...ref, state: 'gone', endedAt: ref.endedAt ?? endedAt });
    return Promise.resolve(ref !== undefined);
  }

  changeRefState(seen: Ref, next: RefStanding) {
    const ref = this.refs.get(refKey(seen));
    const same = ref?.state === seen.state && ref.epoch === seen.epoch;
    if (same) this.refs.set(refKey(seen), { ...ref, ...next });
    const { state, epoch, fencedAt, endedAt } = this.refs.get(refKey(seen)) ?? seen;
    const stands = state === next.state && epoch === next.epoch;
    return Promise.resolve(same || (stands && fencedAt === next.fencedAt && endedAt === next.endedAt));
  }

  removeTombstone(generation: string, name: string) {
    const key = refKey({ generation, name });
    return Promise.resolve(this.refs.get(key)?.state === 'gone' && this.refs.delete(key));
  }

  refsOf(generation: string, after?: string) {
    const found = sorted(
      [...this.refs.values()].filter((ref) => ref.generation === generation),
      ({ name }) => name,
    );
    return Promise.resolve(pageAfter(found, this.#sizes('refs'), after, ({ name }, last) => name <= last));
  }

  refsOfCall(hostId: string, requestKey: string) {
    const found = [...this.refs.values()].filter((ref) => ref.hostId === hostId && ref.requestKey === requestKey);
    return Promise.resolve(found.map(indexed));
  }

  refsOfHost(hostId: string, after?: IndexedRef) {
    const found = sorted([...this.refs.values()].filter((ref) => ref.hostId === hostId).map(indexed), sortKey);
    return Promise.resolve(pageAfter(found, this.#sizes('refs'), after, (ref, last) => sortKey(ref) <= sortKey(last)));
  }

  readHost = (id: string) => Promise.resolve(this.hosts.get(id));

  writeHost(next: Omit<Host, 'rev'>, seen: Host | undefined) {
    if (this.hosts.get(next.id)?.rev !== seen?.rev) return Promise.resolve(undefined);
    const written: Host = { ...next, rev: this.#freshId() };
    this.hosts.set(next.id, written);
    return Promise.resolve(written);
  }

  removeHost(seen: Host) {
    const same = this.hosts.get(seen.id)?.rev === seen.rev;
    return Promise.resolve(same && this.hosts.delete(seen.id));
  }

  hostsOfShard(shard: number, after?: string) {
    const found = sorted(
      [...this.hosts.values()].filter(({ id }) => shardOf(id) === shard),
      ({ id }) => id,
    );
    const page = pageAfter(found, this.#sizes('next'), after, ({ id }, last) => id <= last);
    return Promise.resolve({ ...page, unreadable: [], last: page.items.at(-1)?.id });
  }

  readChunks(generation: string, first: bigint, last: bigint) {
    const found: Chunk[] = [];
    for (let index = first; index <= last; index += 1n) {
      const chunk = this.chunks.get(chunkKey(generation, index));
      if (chunk !== undefined) found.push(chunk);
    }
    return Promise.resolve(found);
  }

  writeSlot(place: SlotPlace, value: string, sticky: string | undefined, expectation: SlotExpectation) {
    return Promise.resolve(this.#write(place, value, sticky, (current, tag) => meets(current, tag, expectation)));
  }

  releaseSlot(place: SlotPlace, value: string, [from, to]: readonly [string, string]) {
    const sticky = this.#chunk(place).stickies[place.slot];
    const leased = (current: string | undefined): boolean => current !== undefined && from <= current && current <= to;
    return Promise.resolve(this.#write(place, value, sticky, leased));
  }

  removeChunk(generation: string, index: bigint) {
    const isHeld = this.chunks.get(chunkKey(generation, index))?.slots.some((slot) => (slot ?? '') >= 'L') === true;
    if (!isHeld) this.chunks.delete(chunkKey(generation, index));
    return Promise.resolve(!isHeld);
  }

  walk(from: string | undefined, limit: number) {
    const sizes = { first: limit, next: limit };
    const { items, more } = pageAfter(everything(this), sizes, from, ({ key }, last) => key <= last);
    const next = more ? items.at(-1)?.key : undefined;
    return Promise.resolve({ items: items.map(({ found }) => found), unreadable: [], next });
  }

  readSweep = () => Promise.resolve(this.#sweep);

  claimHome = (region: string) => Promise.resolve((this.#home ??= region));

  /** Stands for a random secret. */
  seal = (text: string) => Promise.resolve(sealOf(text));

  isSeal = (text: string, seal: string) => Promise.resolve(sealOf(text) === seal);

  writeSweep = (cursor: SweepCursor) => Promise.resolve(void (this.#sweep = cursor));

  #chunk = ({ generation, chunk }: SlotPlace): Chunk =>
    this.chunks.get(chunkKey(generation, chunk)) ?? emptyChunk(chunk);

  #write(
    place: SlotPlace,
    value: string,
    sticky: string | undefined,
    allowed: (current: string | undefined, tag: string | undefined) => boolean,
  ): { written: true } | { written: false; chunk: Chunk } {
    const chunk = this.#chunk(place);
    const current = chunk.slots[place.slot];
    if (!allowed(current, chunk.stickies[place.slot]))
      return current === value ? { written: true } : { written: false, chunk };
    this.chunks.set(chunkKey(place.generation, place.chunk), {
      index: chunk.index,
      slots: chunk.slots.with(place.slot, value),
      stickies: chunk.stickies.with(place.slot, sticky),
    });
    return { written: true };
  }
}

const sealOf = (text: string): string =>
  (BigInt(`0x${hash('sha256', `memory ${text}`)}`) % 36n ** BigInt(SEAL_WIDTH)).toString(36).padStart(SEAL_WIDTH, '0');

function meets(current: string | undefined, tag: string | undefined, expectation: SlotExpectation): boolean {
  switch (expectation.kind) {
    case 'free':
      if (expectation.sparesGiven === true && wasGiven(tag)) return false;
      return current === undefined || current < freedBefore(expectation.cooledBy);
    case 'exactly':
      return current === expectation.value;
  }
}
