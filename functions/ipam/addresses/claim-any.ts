/** How an endpoint gets an address: usually with one conditional write on one slot. */
import type { Address } from '../../../protocol/address.ts';
import { sequenceOf } from '../../../protocol/request-key.ts';
import { allSettledOrThrow } from '../all-settled.ts';
import type { Call } from '../call.ts';
import { CHUNK_SIZE, type Chunk, type SlotPlace, addressAt, chunkOf, groupOf, placeOf } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import type { PoolId } from '../pool-id.ts';
import { Refusal } from '../refusal.ts';
import { MIN_COOLDOWN_MS } from '../space.ts';
import type { SlotExpectation } from '../store.ts';
import { type World, digestBelow } from '../world.ts';
import { type Endpoint, cooledBy, leaseOf, stickyTag, stickyText } from './endpoint.ts';
import { Tally, noAddress, refuseFull } from './exhaustion.ts';
import { automaticSpan, homeSpan } from './region.ts';
import { releaserTags } from './releaser.ts';
import {
  type DecodedChunk,
  type LastResort,
  type Seeker,
  type Segment,
  type Span,
  decoded,
  openSlots,
  slotsOfKey,
  windows,
} from './search.ts';

/** A lease that was written: what it says, and where, so that it can be undone. */
export interface Claimed {
  readonly address: Address;
  readonly place: SlotPlace;
  readonly value: string;
}

/** A lost write means that another call was faster. After this many in one chunk the search moves on. */
const MAX_TRIES = CHUNK_SIZE;

/** How often a search starts again because other calls kept winning; each pass meets fewer of them. */
const MAX_PASSES = 4;

/** One call's search for an address. */
interface Search {
  readonly deps: Deps;
  readonly call: Call;
  readonly id: PoolId;
  readonly span: Span;
  readonly seeker: Seeker;
  readonly value: string;
  /** The slot, as an offset in the pool, that is tried first. */
  readonly preferred: bigint;
  /** The windows begin with the chunk that follows this one. */
  readonly after: bigint;
}

/**
 * Claims any free address of the pool, or of its sub-pool. The same endpoint of the same host tends to get the same
 * one, and different endpoints spread over the pool.
 *
 * @throws Refusal `no-address-left` after a consistent read of all that may be given out.
 */
export async function claimAny(deps: Deps, call: Call, id: PoolId, endpoint: Endpoint): Promise<Claimed> {
  const search = await startSearch(deps, call, id, endpoint);
  if (search === undefined) throw new Refusal('no-address-left', noAddress(id, 'the pool has no usable address'));
  const place = placeAt(search, search.preferred);
  const outcome = await write(search, place, {
    kind: 'free',
    cooledBy: cooledBy(search.deps, search.id),
    sparesGiven: true,
  });
  if (outcome.written) return claimed(search, place);
  let chunk: DecodedChunk | undefined = decoded(outcome.chunk);
  for (let pass = 1; ; pass++) {
    const tally = new Tally();
    const found =
      (chunk && (await claimInChunk(search, chunk, tally)).claimed) ??
      (await claimInWindows(search, tally)) ??
      (await claimLastResort(search, tally));
    if (found !== undefined) return found;
    if (!tally.contended || pass === MAX_PASSES) return refuseFull(deps, id, search.span, tally);
    chunk = undefined;
  }
}

/**
 * All leases that attempts of a call have written, wherever they are. Reads as far as a search does.
 *
 * @throws Refusal `busy` when the call's time is over.
 */
export async function claimsOf(deps: Deps, call: Call, id: PoolId, endpoint: Endpoint): Promise<Claimed[]> {
  const search = await startSearch(deps, call, id, endpoint);
  if (search === undefined) return [];
  const found: Claimed[] = [];
  for (const window of windows(search.span, search.after)) {
    for (const chunk of await readWindow(search, window)) {
      const slots = slotsOfKey(chunk, call.requestKey);
      found.push(...slots.map((slot) => claimed(search, { generation: id.generation, chunk: chunk.index, slot })));
    }
  }
  return found;
}

/** @returns `undefined`: the pool has no address to give out. */
async function startSearch(deps: Deps, call: Call, id: PoolId, endpoint: Endpoint): Promise<Search | undefined> {
  const { world } = deps;
  const span = automaticSpan(id);
  if (span === undefined) return undefined;
  return {
    deps,
    call,
    id,
    span,
    ...beginning(deps.world, id, span, stickyText(call, endpoint)),
    value: leaseOf(call, id, endpoint),
    seeker: {
      sticky: stickyTag(deps, call, endpoint),
      releaserTags: await releaserTags(deps, call),
      sequence: sequenceOf(call.requestKey),
      start: Number(digestBelow(world, `start ${call.requestKey}`, BigInt(CHUNK_SIZE))),
      order: id.order,
    },
  };
}

/** Where a search begins: anywhere in the pool, in the home of the host, or at the lowest address. */
function beginning(world: World, id: PoolId, span: Span, sticky: string): Pick<Search, 'preferred' | 'after'> {
  const near = id.order === 'by-host' ? homeSpan(world, id.ref, span) : span;
  const size = near.last - near.first + 1n;
  const preferred = id.order === 'serial' ? near.first : near.first + digestBelow(world, `slot ${sticky}`, size);
  // A home is read from its beginning, so that its host goes on only when it has no open slot.
  return { preferred, after: id.order === 'by-host' ? chunkOf(near.first) - 1n : chunkOf(preferred) };
}

const placeAt = ({ id }: Search, offset: bigint): SlotPlace =>
  placeOf(id.generation, id.cidr, { family: id.cidr.family, value: id.cidr.first + offset });

const write = (search: Search, place: SlotPlace, expectation: SlotExpectation) =>
  search.deps.store.writeSlot(place, search.value, search.seeker.sticky, expectation);

const claimed = ({ id, value }: Search, place: SlotPlace): Claimed => ({
  address: addressAt(id.cidr, place.chunk, place.slot),
  place,
  value,
});

/** The lease that an earlier attempt of this call wrote; its value is the same, since the call is the same. */
function ownClaim(search: Search, chunk: DecodedChunk): Claimed | undefined {
  const [slot] = slotsOfKey(chunk, search.call.requestKey);
  if (slot === undefined) return undefined;
  return claimed(search, { generation: search.id.generation, chunk: chunk.index, slot });
}

/** Tries the open slots of a chunk; each lost write returns the chunk as it is then. @returns the chunk as last seen. */
async function claimInChunk(
  search: Search,
  seen: DecodedChunk,
  tally: Tally,
): Promise<{ readonly claimed: Claimed | undefined; readonly chunk: DecodedChunk }> {
  let chunk = seen;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const own = ownClaim(search, chunk);
    if (own !== undefined) return { claimed: own, chunk };
    const [slot] = openSlots(chunk, search.span, search.seeker, cooledBy(search.deps, search.id));
    if (slot === undefined) return { claimed: undefined, chunk };
    const place = { generation: search.id.generation, chunk: chunk.index, slot };
    const outcome = await write(search, place, { kind: 'exactly', value: chunk.slots[slot] });
    if (outcome.written) return { claimed: claimed(search, place), chunk };
    chunk = decoded(outcome.chunk);
  }
  tally.contended = true;
  return { claimed: undefined, chunk };
}

/** Reads on from the preferred chunk around the pool, in windows of growing width, and claims the first open slot. */
async function claimInWindows(search: Search, tally: Tally): Promise<Claimed | undefined> {
  for (const window of windows(search.span, search.after)) {
    const chunks = await readWindow(search, window);
    for (const chunk of chunks) {
      const own = ownClaim(search, chunk);
      if (own !== undefined) return own;
    }
    const seen = new Map(chunks.map((chunk) => [chunk.index, chunk]));
    for (const chunk of inTurn(search, chunks)) {
      const result = await claimInChunk(search, chunk, tally);
      if (result.claimed !== undefined) return result.claimed;
      seen.set(chunk.index, result.chunk);
    }
    for (const chunk of seen.values()) tally.count(chunk, search.span, cooledBy(search.deps, search.id));
  }
  return undefined;
}

/** Every chunk of a window, including those that do not exist yet. */
async function readWindow({ deps, call, id }: Search, window: readonly Segment[]): Promise<DecodedChunk[]> {
  if (deps.world.now() > call.deadline) throw new Refusal('busy', noAddress(id, 'the search took too long'));
  const read = await allSettledOrThrow(
    window.map(({ first, last }) => deps.store.readChunks(id.generation, first, last)),
  );
  return window.flatMap((segment, i) => withUnused(segment, read[i] ?? []).map(decoded));
}

/**
 * The chunks with open slots, rotated so that calls that read the same window do not all try its first gap. A host uses up
 * each group of a large pool before it goes on to the next: `readStretch` finds its leases by this.
 */
function inTurn({ deps, call, id, span, seeker }: Search, chunks: readonly DecodedChunk[]): readonly DecodedChunk[] {
  const open = chunks.filter((chunk) => openSlots(chunk, span, seeker, cooledBy(deps, id)).length > 0);
  switch (id.order) {
    case 'serial':
      return open;
    case 'by-host':
      return [...Map.groupBy(open, ({ index }) => groupOf(index)).values()].flatMap((group) =>
        rotated(deps, call, group),
      );
    case 'spread':
      return rotated(deps, call, open);
  }
}

/** A list rotated to a start that differs for each call. */
function rotated<T>({ world }: Deps, { requestKey }: Call, list: readonly T[]): readonly T[] {
  if (list.length === 0) return list;
  const start = Number(digestBelow(world, `turn ${requestKey}`, BigInt(list.length)));
  return [...list.slice(start), ...list.slice(0, start)];
}

/** A chunk that does not exist has sixteen slots that were never used. */
function withUnused({ first, last }: { first: bigint; last: bigint }, read: readonly Chunk[]): Chunk[] {
  const byIndex = new Map(read.map((chunk) => [chunk.index, chunk]));
  return Array.from({ length: Number(last - first) + 1 }, (_, i) => {
    const index = first + BigInt(i);
    return byIndex.get(index) ?? { index, slots: [], stickies: [] };
  });
}

/**
 * Nothing else is left: takes the address that has rested longest, but at least as long as clocks may differ. An address
 * that was last requested by address comes last: a stopped container may rely on it. A call that loses its write tries
 * the other rested ones in an order of its own, since all other calls start with the same address.
 */
async function claimLastResort(search: Search, tally: Tally): Promise<Claimed | undefined> {
  const { deps, call, id } = search;
  const [best, ...rest] = tally.lastResorts
    .filter((slot) => restedAt(slot) <= call.deadline)
    .sort((a, b) => Number(a.isGiven) - Number(b.isGiven) || a.releasedAt - b.releasedAt);
  if (best === undefined) return undefined;
  if (restedAt(best) > deps.world.now()) await deps.world.pause(restedAt(best) - deps.world.now());
  const rested = rest.filter((slot) => restedAt(slot) <= deps.world.now());
  const inOrder = [false, true].flatMap((isGiven) =>
    rotated(
      deps,
      call,
      rested.filter((slot) => slot.isGiven === isGiven),
    ),
  );
  for (const { chunk, slot, value } of [best, ...inOrder].slice(0, MAX_TRIES)) {
    const place = { generation: id.generation, chunk, slot };
    const outcome = await write(search, place, { kind: 'exactly', value });
    if (outcome.written) return claimed(search, place);
  }
  tally.contended = true;
  return undefined;
}

const restedAt = ({ releasedAt }: LastResort): number => releasedAt + MIN_COOLDOWN_MS;
