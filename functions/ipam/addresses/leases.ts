/** Reads what networks of one pool lease. */
import { usableRange } from '../../../protocol/address.ts';
import { sideBySide } from '../all-settled.ts';
import { type Chunk, type SlotPlace, nextGroup } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import type { Ref } from '../ref.ts';
import { decodeSlot } from '../slot.ts';
import { type Stretch, isSearchable, stretchesOf } from './region.ts';
import { type Segment, type Span, slotsWithin, spanOf, windows } from './search.ts';

export interface Leased {
  readonly ref: string;
  readonly requestKey: string;
  readonly place: SlotPlace;
  readonly value: string;
}

/**
 * Reads as far as a search goes: a whole pool or, in a large one, from the lowest address and from the home of each host on
 * (see `readStretch`). What lies elsewhere, such as an address that a user has chosen, is left to the walk over all items: that
 * it is not among these leases proves nothing.
 *
 * @param refs of one pool.
 * @param isOver asked before each read.
 * @returns the leases, part by part, each once.
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
  const { cidr, generation } = one;
  const usable = usableRange(cidr);
  if (usable === undefined) return;
  const names = refs.map(({ name }) => name);
  for (const window of windows(spanOf(usable, cidr.first), 0n)) {
    const read = await sideBySide(
      window,
      async ({ first, last }) => leasesAmong(await deps.store.readChunks(generation, first, last), generation, names),
      isOver,
    );
    yield read.flat();
  }
}

async function* leasesNearby(deps: Deps, ref: Ref, isOver: () => boolean): AsyncGenerator<readonly Leased[]> {
  for (const stretch of stretchesOf(deps.world, ref, [ref.name])) {
    for (let left: Stretch | undefined = stretch; left !== undefined && !isOver();) {
      const read = await readStretch(deps, ref.generation, left);
      yield read.leases;
      left = read.left;
    }
  }
}

/**
 * Reads the first group of a stretch. The stretch ends at a group that has no lease of the networks, but an address that was
 * never used: a host goes on to the next group only when it has used up the one before. An address that was released since
 * has been used, so groups that were emptied hide nothing that lies behind them.
 *
 * @returns `left` is what to read next. `undefined`: the stretch has ended.
 */
export async function readStretch(
  { store }: Deps,
  generation: string,
  stretch: Stretch,
): Promise<{ readonly leases: readonly Leased[]; readonly left: Stretch | undefined }> {
  const { first, last, span, names } = stretch;
  const next = nextGroup(first);
  const group = { first, last: next <= last ? next - 1n : last };
  const chunks = await store.readChunks(generation, group.first, group.last);
  const leases = leasesAmong(chunks, generation, names);
  const goesOn = next <= last && (leases.length > 0 || isUsedUp(chunks, group, span));
  return { leases, left: goesOn ? { ...stretch, first: next } : undefined };
}

/** Whether all automatic addresses of a segment have been used. @param chunks those of the segment that exist. */
const isUsedUp = (chunks: readonly Chunk[], { first, last }: Segment, span: Span): boolean =>
  BigInt(chunks.length) === last - first + 1n &&
  chunks.every(({ index, slots }) => slotsWithin(index, span).every((slot) => slots[slot] !== undefined));

/** What networks of one pool lease in some of its chunks. @param names of their references. */
const leasesAmong = (chunks: readonly Chunk[], generation: string, names: readonly string[]): Leased[] =>
  chunks.flatMap(({ index, slots }) =>
    slots.flatMap((value, slot) => {
      const state = decodeSlot(value);
      if (value === undefined || state?.kind !== 'leased' || !names.includes(state.ref)) return [];
      return [{ ref: state.ref, requestKey: state.requestKey, place: { generation, chunk: index, slot }, value }];
    }),
  );
