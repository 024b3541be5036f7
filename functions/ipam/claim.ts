/** How an endpoint gets an address: one conditional write on one slot, as a rule. */
import { type Address, cidrRange, formatCidr, intersect, usableRange } from './address.ts';
import { type Call, sequenceOf } from './call.ts';
import { type Deps, together } from './deps.ts';
import { type Endpoint, cooledBy, leaseOf, stickyTag, stickyText } from './endpoint.ts';
import { addressAt, placeOf } from './place.ts';
import type { PoolId } from './pool-id.ts';
import { hostTag } from './ref.ts';
import { Refusal } from './refusal.ts';
import {
  type Cooling,
  type Seeker,
  type Segment,
  type Span,
  chunkOf,
  coolingSlots,
  openSlots,
  slotsOfKey,
  slotsWithin,
  spanOf,
  windows,
} from './search.ts';
import { decodeSlot } from './slot.ts';
import { CHUNK_SIZE, type Chunk, type SlotExpectation, type SlotPlace } from './store.ts';
import { MIN_COOLDOWN } from './space.ts';
import { digestBelow } from './world.ts';

/** A lease that was written: what it says, and where, so that it can be undone. */
export interface Claimed {
  readonly address: Address;
  readonly place: SlotPlace;
  readonly value: string;
}

/** A lost write means that somebody else went ahead; this many in one chunk are followed by a look elsewhere. */
const MAX_TRIES = CHUNK_SIZE;

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
}

/** What a search that found nothing saw. */
interface Tally {
  examined: bigint;
  held: number;
  /** A chunk was left with slots open, because others kept winning them. */
  contended: boolean;
  readonly cooling: Cooling[];
}

/**
 * Claims any free address of the pool, or of its sub-pool. The same endpoint of the same host tends to get the same
 * one, and endpoints that know nothing of each other spread over the pool.
 *
 * @throws Refusal `no-address-left` after a consistent read of all that may be given out.
 */
export async function claimAny(deps: Deps, call: Call, id: PoolId, endpoint: Endpoint): Promise<Claimed> {
  const span = automaticSpan(id);
  if (span === undefined) throw new Refusal('no-address-left', noAddress(id, 'it has no usable address'));
  const search = startSearch(deps, call, id, endpoint, span);
  const place = placeAt(search, search.preferred);
  const outcome = await write(search, place, { kind: 'free', cooledBy: cooledBy(search.deps, search.id) });
  if (outcome.written) return claimed(search, place);
  const tally: Tally = { examined: 0n, held: 0, contended: false, cooling: [] };
  return (
    (await claimInChunk(search, outcome.chunk, tally)) ??
    (await claimInWindows(search, tally)) ??
    (await claimCooling(search, tally)) ??
    refuseFull(search, tally)
  );
}

/**
 * All leases that attempts of a call have written, wherever the search may have led them. Reads as far as a search does.
 *
 * @throws Refusal `busy` when the call's time is over.
 */
export async function claimsOf(deps: Deps, call: Call, id: PoolId, endpoint: Endpoint): Promise<Claimed[]> {
  const span = automaticSpan(id);
  if (span === undefined) return [];
  const search = startSearch(deps, call, id, endpoint, span);
  const found: Claimed[] = [];
  for (const window of windows(span, chunkOf(search.preferred))) {
    for (const chunk of await readWindow(search, window)) {
      const slots = slotsOfKey(chunk, call.requestKey);
      found.push(...slots.map((slot) => claimed(search, { generation: id.generation, chunk: chunk.index, slot })));
    }
  }
  return found;
}

/** Where automatic addresses come from. `undefined`: there are none. */
function automaticSpan({ cidr, subPool }: PoolId): Span | undefined {
  const usable = usableRange(cidr);
  const range = usable && (subPool === undefined ? usable : intersect(usable, cidrRange(subPool)));
  return range && spanOf(range, cidr.first);
}

function startSearch(deps: Deps, call: Call, id: PoolId, endpoint: Endpoint, span: Span): Search {
  const { world } = deps;
  const text = stickyText(call, endpoint);
  const size = span.last - span.first + 1n;
  const preferred = id.order === 'serial' ? span.first : span.first + digestBelow(world, `slot ${text}`, size);
  return {
    deps,
    call,
    id,
    span,
    preferred,
    value: leaseOf(call, id, endpoint),
    seeker: {
      sticky: stickyTag(deps, call, endpoint),
      hostTag: hostTag(world, call.hostId),
      sequence: sequenceOf(call.requestKey),
      start: Number(digestBelow(world, `start ${call.requestKey}`, BigInt(CHUNK_SIZE))),
      order: id.order,
    },
  };
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

/** The lease that an earlier attempt of this call wrote; it says the same, since the call is the same. */
function ownClaim(search: Search, chunk: Chunk): Claimed | undefined {
  const [slot] = slotsOfKey(chunk, search.call.requestKey);
  if (slot === undefined) return undefined;
  return claimed(search, { generation: search.id.generation, chunk: chunk.index, slot });
}

/** Tries the open slots of a chunk, as each lost write shows it anew. */
async function claimInChunk(search: Search, seen: Chunk, tally: Tally): Promise<Claimed | undefined> {
  let chunk = seen;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const own = ownClaim(search, chunk);
    if (own !== undefined) return own;
    const [slot] = openSlots(chunk, search.span, search.seeker, cooledBy(search.deps, search.id));
    if (slot === undefined) return undefined;
    const place = { generation: search.id.generation, chunk: chunk.index, slot };
    const outcome = await write(search, place, { kind: 'exactly', value: chunk.slots[slot] });
    if (outcome.written) return claimed(search, place);
    chunk = outcome.chunk;
  }
  tally.contended = true;
  return undefined;
}

/** Reads on from the preferred chunk in windows of growing width, all round, and claims where something is open. */
async function claimInWindows(search: Search, tally: Tally): Promise<Claimed | undefined> {
  for (const window of windows(search.span, chunkOf(search.preferred))) {
    const chunks = await readWindow(search, window);
    for (const chunk of chunks) {
      const own = ownClaim(search, chunk);
      if (own !== undefined) return own;
    }
    const result = await claimInOneOf(search, chunks, tally);
    if (result !== undefined) return result;
    for (const chunk of chunks) count(search, chunk, tally);
  }
  return undefined;
}

/** Every chunk of a window, also those that do not exist yet. */
async function readWindow({ deps, call, id }: Search, window: readonly Segment[]): Promise<Chunk[]> {
  if (deps.world.now() > call.deadline) throw new Refusal('busy', noAddress(id, 'the search took too long'));
  const read = await together(window.map(({ first, last }) => deps.store.readChunks(id.generation, first, last)));
  return window.flatMap((segment, i) => withUnused(segment, read[i] ?? []));
}

async function claimInOneOf(search: Search, chunks: readonly Chunk[], tally: Tally): Promise<Claimed | undefined> {
  const { deps, call, id, span, seeker } = search;
  const open = chunks.filter((chunk) => openSlots(chunk, span, seeker, cooledBy(search.deps, search.id)).length > 0);
  // Seekers that read the same window do not all go for its first gap.
  const turn =
    id.order === 'serial' || open.length === 0
      ? 0
      : Number(digestBelow(deps.world, `turn ${call.requestKey}`, BigInt(open.length)));
  for (const chunk of [...open.slice(turn), ...open.slice(0, turn)]) {
    const result = await claimInChunk(search, chunk, tally);
    if (result !== undefined) return result;
  }
  return undefined;
}

/** A chunk that does not exist has sixteen slots that were never used. */
function withUnused({ first, last }: { first: bigint; last: bigint }, read: readonly Chunk[]): Chunk[] {
  const byIndex = new Map(read.map((chunk) => [chunk.index, chunk]));
  return Array.from({ length: Number(last - first) + 1 }, (_, i) => {
    const index = first + BigInt(i);
    return byIndex.get(index) ?? { index, slots: [], stickies: [] };
  });
}

function count(search: Search, chunk: Chunk, tally: Tally): void {
  const slots = slotsWithin(chunk.index, search.span);
  tally.examined += BigInt(slots.length);
  tally.held += slots.filter((slot) => {
    const value = chunk.slots[slot];
    return value !== undefined && decodeSlot(value).kind !== 'free';
  }).length;
  tally.cooling.push(...coolingSlots(chunk, search.span, cooledBy(search.deps, search.id)));
}

/** Nothing else is left: the address that has rested longest, though never less than the clocks may differ. */
async function claimCooling(search: Search, tally: Tally): Promise<Claimed | undefined> {
  const { deps, call, id } = search;
  const oldestFirst = tally.cooling.sort((a, b) => a.releasedAt - b.releasedAt).slice(0, MAX_TRIES);
  for (const { chunk, slot, value, releasedAt } of oldestFirst) {
    const rest = releasedAt + MIN_COOLDOWN - deps.world.now();
    if (deps.world.now() + rest > call.deadline) return undefined;
    if (rest > 0) await deps.world.pause(rest);
    const place = { generation: id.generation, chunk, slot };
    const outcome = await write(search, place, { kind: 'exactly', value });
    if (outcome.written) return claimed(search, place);
  }
  return undefined;
}

function refuseFull({ id, span }: Search, { examined, held, cooling, contended }: Tally): never {
  if (contended) throw new Refusal('busy', noAddress(id, 'others kept taking what was free: try again'));
  if (examined < span.last - span.first + 1n) {
    throw new Refusal('no-address-left', noAddress(id, `no free address found in ${examined} examined`));
  }
  throw new Refusal(
    'no-address-left',
    noAddress(id, `${held} of its ${examined} addresses are held and ${cooling.length} rest after their release`),
  );
}

const noAddress = ({ cidr, subPool }: PoolId, why: string): string =>
  `no available addresses on this pool: ${formatCidr(cidr)}` +
  `${subPool === undefined ? '' : ` (range ${formatCidr(subPool)})`}: ${why}`;
