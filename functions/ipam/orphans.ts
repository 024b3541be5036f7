/** Leases whose network has ended: a lease that was under way while its reference ended slips in under the tombstone. */
import { usableRange } from './address.ts';
import type { Call } from './call.ts';
import type { Deps } from './deps.ts';
import type { Ref } from './ref.ts';
import { freeExactly } from './reservation.ts';
import { spanOf, windows } from './search.ts';
import { decodeSlot } from './slot.ts';

/**
 * Frees what an ended reference still leases. The slots are read first and the reference afterwards, and each write
 * stands on the exact slot, so that whoever revives the reference and rewrites its leases keeps them.
 */
export async function freeOrphans(
  deps: Deps,
  call: Call,
  { generation, name, cidr }: Pick<Ref, 'generation' | 'name' | 'cidr'>,
): Promise<void> {
  const usable = usableRange(cidr);
  if (usable === undefined) return;
  for (const window of windows(spanOf(usable, cidr.first), 0n)) {
    for (const { first, last } of window) {
      const chunks = await deps.store.readChunks(generation, first, last);
      const orphans = chunks.flatMap(({ index, slots }) =>
        slots.flatMap((value, slot) => {
          const state = value === undefined ? undefined : decodeSlot(value);
          const isOurs = state?.kind === 'leased' && state.ref === name;
          return value !== undefined && isOurs ? [{ place: { generation, chunk: index, slot }, value }] : [];
        }),
      );
      if (orphans.length === 0) continue;
      if ((await deps.store.readRef(generation, name))?.state !== 'gone') return;
      for (const { place, value } of orphans) await freeExactly(deps, call, name, place, value);
    }
  }
}
