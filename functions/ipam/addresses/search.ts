/** The order in which a pool is searched for a free address. Pure: the input is what was read, the output what to try. */
import type { Range } from '../../../protocol/address.ts';
import { CHUNK_SIZE, type Chunk, chunkOf, nextGroup, offsetOf } from '../chunk.ts';
import type { Order } from '../pool-id.ts';
import { type Slot, decodeSlot, wasGiven } from '../slot.ts';
import { isTagOf } from './endpoint.ts';

/** The offsets (from the pool's first address) that automatic addresses may have, both inclusive. */
export interface Span {
  readonly first: bigint;
  readonly last: bigint;
}

export const spanOf = (usable: Range, poolFirst: bigint): Span => ({
  first: usable.first - poolFirst,
  last: usable.last - poolFirst,
});

/** What matters about the endpoint for the choice of a slot. */
export interface Seeker {
  readonly sticky: string;
  /** The tags of what its host has freed. */
  readonly releaserTags: readonly string[];
  readonly sequence: string;
  /** The slot number within a chunk where it starts, so that two seekers do not try the same one. */
  readonly start: number;
  readonly order: Order;
}

/** A chunk with its slots decoded. A search decodes each chunk once, when it is read. */
export interface DecodedChunk extends Chunk {
  /** `undefined`: never used. */
  readonly states: readonly (Slot | undefined)[];
}

export const decoded = (chunk: Chunk): DecodedChunk => ({
  ...chunk,
  states: chunk.slots.map((value) => decodeSlot(value)),
});

/** The slots of a chunk that a seeker may take at once, in order of preference. */
export function openSlots(chunk: DecodedChunk, span: Span, seeker: Seeker, cooledBy: number): number[] {
  const numbers = slotsWithin(chunk.index, span);
  const open = numbers.filter((slot) => isOpen(chunk, slot, seeker, cooledBy));
  const distance = (slot: number): number =>
    seeker.order === 'serial' ? slot : (slot - seeker.start + CHUNK_SIZE) % CHUNK_SIZE;
  const rank = (slot: number): number => (isOwnPlace(chunk, slot, seeker) ? -1 : distance(slot));
  return open.sort((a, b) => rank(a) - rank(b));
}

export function slotsWithin(chunk: bigint, { first, last }: Span): number[] {
  return Array.from({ length: CHUNK_SIZE }, (_, slot) => slot).filter((slot) => {
    const offset = offsetOf(chunk, slot);
    return first <= offset && offset <= last;
  });
}

function isOpen(chunk: DecodedChunk, slot: number, seeker: Seeker, cooledBy: number): boolean {
  const state = chunk.states[slot];
  if (state === undefined) return true;
  if (state.kind !== 'free') return false;
  return (state.releasedAt < cooledBy && !wasGiven(chunk.stickies[slot])) || isOwnPlace(chunk, slot, seeker);
}

/**
 * Whether this endpoint had the address before: its previous holder does not wait for the cool-down. Only a release that
 * came before the request counts, or a late duplicate of the request would take back what was released since.
 */
function isOwnPlace(chunk: DecodedChunk, slot: number, seeker: Seeker): boolean {
  const state = chunk.states[slot];
  if (state?.kind !== 'free' || !isTagOf(chunk.stickies[slot], seeker.sticky)) return false;
  return seeker.releaserTags.includes(state.hostTag) && state.sequence < seeker.sequence;
}

/** A free slot that is taken only when nothing else is left: it is in its cool-down, or was last requested by address. */
export interface LastResort {
  readonly chunk: bigint;
  readonly slot: number;
  readonly value: string;
  readonly releasedAt: number;
  readonly isGiven: boolean;
}

export function lastResorts(chunk: DecodedChunk, span: Span, cooledBy: number): LastResort[] {
  return slotsWithin(chunk.index, span).flatMap((slot) => {
    const value = chunk.slots[slot];
    const state = chunk.states[slot];
    if (value === undefined || state?.kind !== 'free') return [];
    const { releasedAt } = state;
    const isGiven = wasGiven(chunk.stickies[slot]);
    return isGiven || releasedAt >= cooledBy ? [{ chunk: chunk.index, slot, value, releasedAt, isGiven }] : [];
  });
}

/** The slots of a chunk that attempts of one call took: more than one, if a late attempt landed next to its repeat. */
export const slotsOfKey = ({ states }: DecodedChunk, requestKey: string): number[] =>
  states.flatMap((state, slot) => (state?.kind === 'leased' && state.requestKey === requestKey ? [slot] : []));

/** Chunks to read with one query: neighbours of one group, both inclusive. */
export interface Segment {
  readonly first: bigint;
  readonly last: bigint;
}

/** The most addresses that one call examines, so that its work is bounded in a pool of any size. */
export const MAX_EXAMINED_ADDRESSES = 65_536n;
const FIRST_WINDOW_CHUNKS = 4n;
const MAX_WINDOW_CHUNKS = 512n;

/**
 * Windows of growing width around the ring of a span's chunks, from the chunk after `start` to `start` itself. Each
 * window is cut at the borders of groups and of the ring.
 */
export function* windows(span: Span, start: bigint): Generator<Segment[]> {
  const low = chunkOf(span.first);
  const count = chunkOf(span.last) - low + 1n;
  const most = chunkOf(MAX_EXAMINED_ADDRESSES);
  const total = count < most ? count : most;
  let width = FIRST_WINDOW_CHUNKS;
  for (let walked = 0n; walked < total;) {
    const length = width < total - walked ? width : total - walked;
    yield segments(low, count, start - low + 1n + walked, length);
    walked += length;
    width = width * 4n > MAX_WINDOW_CHUNKS ? MAX_WINDOW_CHUNKS : width * 4n;
  }
}

function segments(low: bigint, count: bigint, from: bigint, length: bigint): Segment[] {
  const cut: Segment[] = [];
  for (let done = 0n; done < length;) {
    const position = (from + done) % count;
    const chunk = low + position;
    const run = [nextGroup(chunk) - chunk, count - position, length - done].reduce((a, b) => (a < b ? a : b));
    cut.push({ first: chunk, last: chunk + run - 1n });
    done += run;
  }
  return cut;
}
