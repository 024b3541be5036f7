/** Leases whose network has ended: a lease that was under way while its reference ended can land under the tombstone. */
import { usableRange } from '../../../protocol/address.ts';
import { sideBySide } from '../all-settled.ts';
import type { Chunk, SlotPlace } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import type { Ref } from '../ref.ts';
import { decodeSlot } from '../slot.ts';
import { type Sequenced, freeExactly } from './reservation.ts';
import { type Segment, spanOf, windows } from './search.ts';

interface Leased {
  readonly ref: string;
  readonly place: SlotPlace;
  readonly value: string;
}

/**
 * Frees what ended references of one pool still lease, as far as a search goes. The slots are read first and the
 * references afterwards, and each write is conditional on the exact slot, so that a host that revives a reference and
 * rewrites its leases keeps them.
 *
 * @param deadline ms: nothing more is begun after it.
 * @returns how many were freed.
 */
export async function freeOrphans(
  deps: Deps,
  call: Sequenced,
  { generation, cidr }: Pick<Ref, 'generation' | 'cidr'>,
  names: readonly string[],
  deadline = Infinity,
): Promise<number> {
  const usable = usableRange(cidr);
  if (usable === undefined) return 0;
  const isOver = (): boolean => deps.world.now() >= deadline;
  let freed = 0;
  for (const window of windows(spanOf(usable, cidr.first), 0n)) {
    const leases = await sideBySide(window, (segment) => leasesOf(deps, generation, segment, names), isOver);
    for (const [name, orphans] of Map.groupBy(leases.flat(), ({ ref }) => ref)) {
      if (isOver()) return freed;
      if ((await deps.store.readRef(generation, name))?.state !== 'gone') continue;
      const done = await sideBySide(
        orphans,
        (lease) => freeExactly(deps, call, name, lease.place, lease.value),
        isOver,
      );
      freed += done.filter(Boolean).length;
    }
  }
  return freed;
}

async function leasesOf(
  { store }: Deps,
  generation: string,
  { first, last }: Segment,
  names: readonly string[],
): Promise<Leased[]> {
  const chunks = await store.readChunks(generation, first, last);
  return chunks.flatMap((chunk) => leasesIn(generation, chunk)).filter(({ ref }) => names.includes(ref));
}

/** The leases that a chunk was seen to hold. */
export const leasesIn = (generation: string, { index, slots }: Chunk): Leased[] =>
  slots.flatMap((value, slot) => {
    const state = decodeSlot(value);
    if (value === undefined || state?.kind !== 'leased') return [];
    return [{ ref: state.ref, place: { generation, chunk: index, slot }, value }];
  });
