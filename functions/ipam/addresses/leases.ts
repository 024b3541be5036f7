/** Reads what networks of one pool lease. */
import { usableRange } from '../../../protocol/address.ts';
import { sideBySide } from '../all-settled.ts';
import { CHUNKS_PER_GROUP, type Chunk, type SlotPlace, chunkOf, nextGroup } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import type { Ref } from '../ref.ts';
import { decodeSlot } from '../slot.ts';
import { automaticSpan, homeSpan, isSearchable } from './region.ts';
import { MAX_EXAMINED_ADDRESSES, type Segment, spanOf, windows } from './search.ts';

export interface Leased {
  readonly ref: string;
  readonly requestKey: string;
  readonly place: SlotPlace;
  readonly value: string;
}

const MAX_GROUPS = chunkOf(MAX_EXAMINED_ADDRESSES) / CHUNKS_PER_GROUP;

/**
 * Reads as far as a search goes: a whole pool or, in a large one, from the home of each host and from the lowest address on,
 * up to the first group of chunks without a lease of the network. What lies elsewhere, such as an address that a user has
 * chosen, is left to the walk over all items.
 *
 * @param refs of one pool.
 * @param isOver asked before each read.
 * @returns the leases, part by part.
 */
export async function* leasesOf(
  deps: Deps,
  refs: readonly Ref[],
  isOver: () => boolean,
): AsyncGenerator<readonly Leased[]> {
  const [one] = refs;
  if (one === undefined) return;
  if (!isSearchable(one)) {
    for (const ref of refs) yield* leasesNearby(deps, ref, isOver);
    return;
  }
  const usable = usableRange(one.cidr);
  if (usable === undefined) return;
  const names = refs.map(({ name }) => name);
  for (const window of windows(spanOf(usable, one.cidr.first), 0n)) {
    const read = await sideBySide(window, (segment) => leasesIn(deps, one.generation, segment, names), isOver);
    yield read.flat();
  }
}

async function* leasesNearby(deps: Deps, ref: Ref, isOver: () => boolean): AsyncGenerator<readonly Leased[]> {
  const span = automaticSpan(ref);
  if (span === undefined) return;
  const last = chunkOf(span.last);
  const starts = new Set([homeSpan(deps.world, ref.name, span), span].map(({ first }) => chunkOf(first)));
  for (const start of starts) {
    let first = start;
    for (let groups = 0n; groups < MAX_GROUPS && first <= last && !isOver(); groups++) {
      const segment = groupFrom(first, last);
      const leases = await leasesIn(deps, ref.generation, segment, [ref.name]);
      if (leases.length === 0) break;
      yield leases;
      first = segment.last + 1n;
    }
  }
}

/** The chunks of one group from a chunk on, up to a last one. */
export function groupFrom(first: bigint, last: bigint): Segment {
  const end = nextGroup(first) - 1n;
  return { first, last: end < last ? end : last };
}

/** What networks of one pool lease in the chunks of a segment. @param names of their references. */
export async function leasesIn(
  { store }: Deps,
  generation: string,
  { first, last }: Segment,
  names: readonly string[],
): Promise<Leased[]> {
  const chunks = await store.readChunks(generation, first, last);
  return chunks.flatMap((chunk) => leasesOfChunk(generation, chunk)).filter(({ ref }) => names.includes(ref));
}

const leasesOfChunk = (generation: string, { index, slots }: Chunk): Leased[] =>
  slots.flatMap((value, slot) => {
    const state = decodeSlot(value);
    if (value === undefined || state?.kind !== 'leased') return [];
    return [{ ref: state.ref, requestKey: state.requestKey, place: { generation, chunk: index, slot }, value }];
  });
