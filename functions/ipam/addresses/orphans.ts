/** Leases whose network has ended: a lease that was under way while its reference ended can land under the tombstone. */
import { sideBySide } from '../all-settled.ts';
import type { Deps } from '../deps.ts';
import type { Ref } from '../ref.ts';
import { leasesOf } from './leases.ts';
import { type Sequenced, freeExactly } from './reservation.ts';

/**
 * Frees what ended references of one pool still lease, as far as `leasesOf` reads. The slots are read first and the
 * references afterwards, and each write is conditional on the exact slot, so that a host that revives a reference and
 * rewrites its leases keeps them.
 *
 * @param refs of one pool.
 * @param deadline ms: nothing more is begun after it.
 * @returns how many were freed.
 */
export async function freeOrphans(
  deps: Deps,
  call: Sequenced,
  refs: readonly Ref[],
  deadline = Infinity,
): Promise<number> {
  const isOver = (): boolean => deps.world.now() >= deadline;
  let freed = 0;
  for await (const leases of leasesOf(deps, refs, isOver)) {
    const byName = Map.groupBy(leases, ({ ref }) => ref);
    for (const { generation, name } of refs) {
      const orphans = byName.get(name) ?? [];
      if (orphans.length === 0) continue;
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
