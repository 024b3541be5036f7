/**
 * A host that was silent past its lease is fenced: its epoch is raised, so that nothing more is accepted of it, and its
 * references sleep. Nothing is freed: a host without the cloud may well have its LAN, and its containers answer ARP.
 */
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { changeHost, concludeHost, eachRef, isLeftBehind, transitionRef } from '../host-refs.ts';
import { type Host, isSilent } from '../host.ts';
import type { Ref } from '../ref.ts';

/** References that one call wakes at most: the caller repeats it. */
const MAX_WOKEN = 64;
const WHY = 'nothing was heard of it for a whole lease';

export interface Fence {
  readonly host: Host;
  /** References that were put to sleep. */
  readonly quieted: number;
}

/**
 * Fences a host if it is still as silent as it was seen. May be repeated at any point, and run twice at once: who comes
 * second goes on with what is left.
 *
 * @param deadline ms: what is left then is done by the next sweep.
 * @returns `undefined`: it has spoken.
 */
export async function fenceHost(deps: Deps, id: string, deadline: number): Promise<Fence | undefined> {
  const now = deps.world.now();
  const host = await changeHost(deps, id, (seen) =>
    isSilent(seen, now)
      ? { ...seen, state: 'fenced', epoch: seen.epoch + 1, changedAt: now, fencedAt: now, why: WHY, refsLag: true }
      : undefined,
  );
  if (host?.state !== 'fenced') return undefined;
  let quieted = 0;
  await eachRef(deps, id, deadline, async (ref) => {
    if (await quiet(deps, host, ref)) quieted++;
    return true;
  });
  return { host, quieted };
}

/**
 * Puts a reference to sleep that was added before the fence. A woken one is of the host's own epoch; one that was being
 * revived is not what its host has, and does not sleep but ends.
 */
export const quiet = (deps: Deps, host: Host, ref: Ref): Promise<boolean> =>
  transitionRef(deps, ref, (now) =>
    isLeftBehind(now, host) && now.state !== 'dormant' && now.state !== 'reviving'
      ? { state: 'dormant', epoch: now.epoch, fencedAt: deps.world.now(), endedAt: undefined }
      : undefined,
  );

/**
 * Wakes what belongs to a host that has returned. Its leases are left as they are: a release that is still under way
 * names a lease by when it was asked for, and would miss one that was written anew.
 *
 * @returns whether more is to wake.
 */
export async function wakeRefs(deps: Deps, call: Pick<Call, 'deadline'>, host: Host): Promise<boolean> {
  if (host.state !== 'live' || !host.refsLag) return false;
  let woken = 0;
  const all = await eachRef(deps, host.id, call.deadline, async (ref) => {
    if (await wakeOwn(deps, host, ref)) woken++;
    return woken < MAX_WOKEN;
  });
  if (!all) return true;
  await concludeHost(deps, host);
  return false;
}

/** Wakes it, unless it is that of a machine that was this host before: then it sleeps. */
export const wakeOwn = (deps: Deps, host: Host, ref: Ref): Promise<boolean> =>
  ref.epoch >= host.ownEpoch ? wake(deps, host, ref) : quiet(deps, host, ref);

/** Dormant to gone stands on the same condition: either it wakes or it ends. */
const wake = (deps: Deps, host: Host, ref: Ref): Promise<boolean> =>
  transitionRef(deps, ref, (now) =>
    isLeftBehind(now, host) && now.state !== 'reviving'
      ? { state: 'live', epoch: host.epoch, fencedAt: undefined, endedAt: undefined }
      : undefined,
  );
