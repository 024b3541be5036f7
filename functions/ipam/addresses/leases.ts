/** Reads what networks of one pool lease. */
import { formatCidr, usableRange } from '../../../protocol/address.ts';
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
    yield* leasesNearby(deps, one, refs, isOver);
    return;
  }
  const { cidr, generation } = one;
  const usable = usableRange(cidr);
  if (usable === undefined) return;
  const names = namesOf(refs);
  for (const window of windows(spanOf(usable, cidr.first), 0n)) {
    const read = await sideBySide(
      window,
      async ({ first, last }) => leasesAmong(await deps.store.readChunks(generation, first, last), generation, names),
      isOver,
    );
    yield read.flat();
  }
}

/** The most groups whose leases are kept at once: as many chunks as the widest window of a search. */
const MAX_GROUPS_AT_ONCE = 8;

/** Reads all stretches side by side: networks of one host share its home, and all share the lowest address. */
async function* leasesNearby(
  deps: Deps,
  { cidr, generation }: Pick<Ref, 'cidr' | 'generation'>,
  refs: readonly Ref[],
  isOver: () => boolean,
): AsyncGenerator<readonly Leased[]> {
  const alike = Map.groupBy(refs, ({ subPool }) => subPool && formatCidr(subPool)).values();
  let left = [...alike].flatMap((some) => stretchesOf(deps.world, { cidr, subPool: some[0]?.subPool }, namesOf(some)));
  while (left.length > 0 && !isOver()) {
    const group = (stretch: Stretch) => readStretch(deps, generation, stretch);
    const read = await sideBySide(left.slice(0, MAX_GROUPS_AT_ONCE), group, isOver);
    yield read.flatMap(({ leases }) => leases);
    left = [...read.flatMap((part) => part.left ?? []), ...left.slice(MAX_GROUPS_AT_ONCE)];
  }
}

const namesOf = (refs: readonly Ref[]): string[] => refs.map(({ name }) => name);

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
