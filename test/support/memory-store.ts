/** The store port in memory: what the rules are tried on by the thousand. It passes the same contract as the real one. */
import { type Cidr, cidrRange, rangeContains, sameCidr } from '../../functions/ipam/address.ts';
import type { Host } from '../../functions/ipam/host.ts';
import type { Pool } from '../../functions/ipam/pool.ts';
import type { Ref } from '../../functions/ipam/ref.ts';
import { freedBefore } from '../../functions/ipam/slot.ts';
import type { SpaceConfig } from '../../functions/ipam/space.ts';
import {
  CHUNK_SIZE,
  type Chunk,
  type Page,
  type PoolName,
  type SlotExpectation,
  type SlotPlace,
  type Store,
} from '../../functions/ipam/store.ts';

export interface MemoryOptions {
  /** Makes an identity that is never the same twice. */
  readonly freshId?: () => string;
  /** How many items the first pages hold, and all that follow. */
  readonly pages?: PageSizes;
}

export interface PageSizes {
  readonly forward: number;
  readonly backward: number;
  readonly refs: number;
  readonly next: number;
}

/** Small first pages, so that going on is tried. */
const PAGES: PageSizes = { forward: 100, backward: 4, refs: 16, next: 1_000 };

export class MemoryStore implements Store {
  readonly spaces = new Map<string, SpaceConfig>();
  readonly pools = new Map<string, Pool>();
  readonly refs = new Map<string, Ref>();
  readonly chunks = new Map<string, Chunk>();
  readonly names = new Map<string, PoolName>();
  readonly hosts = new Map<string, Host>();
  readonly #freshId: () => string;
  readonly #pages: PageSizes;

  constructor({ freshId = counting(), pages = PAGES }: MemoryOptions = {}) {
    this.#freshId = freshId;
    this.#pages = pages;
  }

  readSpace(space: string) {
    return Promise.resolve(this.spaces.get(space));
  }

  announcePool(draft: Parameters<Store['announcePool']>[0]): ReturnType<Store['announcePool']> {
    const standing = this.pools.get(poolKey(draft));
    if (standing !== undefined) return Promise.resolve({ standing });
    const announced: Pool = { ...draft, generation: this.#freshId(), rev: this.#freshId(), state: 'pending' };
    this.pools.set(poolKey(draft), announced);
    return Promise.resolve({ announced });
  }

  readPool(space: string, cidr: Cidr) {
    return Promise.resolve(this.pools.get(poolKey({ space, cidr })));
  }

  poolsStartingIn(space: string, range: Parameters<Store['poolsStartingIn']>[1], after?: Cidr) {
    const found = this.#sorted(space).filter(({ cidr }) =>
      rangeContains(range, { family: cidr.family, value: cidr.first }),
    );
    return Promise.resolve(
      page(
        found,
        after === undefined ? this.#pages.forward : this.#pages.next,
        ({ cidr }) => after !== undefined && compare(cidr, after) <= 0,
      ),
    );
  }

  poolsStartingBefore(space: string, address: Parameters<Store['poolsStartingBefore']>[1], before?: Cidr) {
    const found = this.#sorted(space)
      .filter(({ cidr }) => cidr.family === address.family && cidr.first < address.value)
      .reverse();
    return Promise.resolve(
      page(
        found,
        before === undefined ? this.#pages.backward : this.#pages.next,
        ({ cidr }) => before !== undefined && compare(cidr, before) >= 0,
      ),
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

  readPoolName(space: string, family: Cidr['family'], name: string) {
    return Promise.resolve(this.names.get(`${space} ${family} ${name}`));
  }

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

  writeKept(seen: Ref, kept: Pick<Ref, 'gateway' | 'reserved'>) {
    const ref = this.refs.get(refKey(seen));
    const same = ref?.state === 'live' && ref.epoch === seen.epoch && keptText(ref) === keptText(seen);
    if (!same) return Promise.resolve(ref?.state === 'live' && keptText(ref) === keptText(kept));
    this.refs.set(refKey(seen), { ...ref, gateway: kept.gateway, reserved: kept.reserved });
    return Promise.resolve(true);
  }

  endRef(generation: string, name: string) {
    const ref = this.refs.get(refKey({ generation, name }));
    if (ref !== undefined) this.refs.set(refKey(ref), { ...ref, state: 'gone' });
    return Promise.resolve(ref !== undefined);
  }

  refsOf(generation: string, after?: string) {
    const found = [...this.refs.values()]
      .filter((ref) => ref.generation === generation)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    return Promise.resolve(
      page(
        found,
        after === undefined ? this.#pages.refs : this.#pages.next,
        ({ name }) => after !== undefined && name <= after,
      ),
    );
  }

  refsOfCall(hostId: string, requestKey: string) {
    const found = [...this.refs.values()].filter((ref) => ref.hostId === hostId && ref.requestKey === requestKey);
    return Promise.resolve(found.map(({ generation, name }) => ({ generation, name })));
  }

  readHost = (id: string) => Promise.resolve(this.hosts.get(id));

  writeHost(next: Omit<Host, 'rev'>, seen: Host | undefined) {
    if (this.hosts.get(next.id)?.rev !== seen?.rev) return Promise.resolve(undefined);
    const written: Host = { ...next, rev: this.#freshId() };
    this.hosts.set(next.id, written);
    return Promise.resolve(written);
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
    return Promise.resolve(this.#write(place, value, sticky, (current) => meets(current, expectation)));
  }

  releaseSlot(place: SlotPlace, value: string, [from, to]: readonly [string, string]) {
    const sticky = this.#chunk(place).stickies[place.slot];
    const leased = (current: string | undefined): boolean => current !== undefined && from <= current && current <= to;
    return Promise.resolve(this.#write(place, value, sticky, leased));
  }

  #chunk({ generation, chunk }: SlotPlace): Chunk {
    const empty = { index: chunk, slots: emptySlots(), stickies: emptySlots() };
    return this.chunks.get(chunkKey(generation, chunk)) ?? empty;
  }

  #write(
    place: SlotPlace,
    value: string,
    sticky: string | undefined,
    allowed: (current: string | undefined) => boolean,
  ): { written: true } | { written: false; chunk: Chunk } {
    const chunk = this.#chunk(place);
    const current = chunk.slots[place.slot];
    if (!allowed(current)) return current === value ? { written: true } : { written: false, chunk };
    this.chunks.set(chunkKey(place.generation, place.chunk), {
      index: chunk.index,
      slots: chunk.slots.with(place.slot, value),
      stickies: chunk.stickies.with(place.slot, sticky),
    });
    return { written: true };
  }
}

function counting(): () => string {
  let ids = 0;
  return () => (++ids).toString(36).padStart(12, '0');
}

function meets(current: string | undefined, expectation: SlotExpectation): boolean {
  switch (expectation.kind) {
    case 'free':
      return current === undefined || current < freedBefore(expectation.cooledBy);
    case 'exactly':
      return current === expectation.value;
  }
}

function page<T>(sorted: readonly T[], size: number, isBefore: (item: T) => boolean): Page<T> {
  const rest = sorted.filter((item) => !isBefore(item));
  return { items: rest.slice(0, size), more: rest.length > size };
}

function compare(a: Cidr, b: Cidr): number {
  if (sameCidr(a, b)) return 0;
  if (a.family !== b.family) return a.family - b.family;
  if (a.first !== b.first) return a.first < b.first ? -1 : 1;
  return a.prefix - b.prefix;
}

const emptySlots = (): undefined[] => Array.from({ length: CHUNK_SIZE }, () => undefined);
const poolKey = ({ space, cidr }: Pick<Pool, 'space' | 'cidr'>): string =>
  `${space} ${cidr.family} ${cidrRange(cidr).first} ${cidr.prefix}`;
const refKey = ({ generation, name }: Pick<Ref, 'generation' | 'name'>): string => `${generation} ${name}`;
const chunkKey = (generation: string, index: bigint): string => `${generation} ${index}`;
const keptText = ({ gateway, reserved }: Pick<Ref, 'gateway' | 'reserved'>): string =>
  [gateway?.value ?? '', ...reserved.map(({ first, last }) => `${first}-${last}`)].join();
