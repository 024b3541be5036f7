/**
 * A host that was silent past its lease is fenced: its epoch is raised, so that its requests are refused, and its
 * references become dormant. Nothing is freed: a host without the cloud may still be on its LAN, where its containers
 * answer ARP.
 */
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { changeHost, concludeHost, eachRef, isLeftBehind, transitionRef } from '../host-refs.ts';
import { type Host, isSilent } from '../host.ts';
import type { Ref } from '../ref.ts';

const WHY = 'it sent no heartbeat for a whole lease';

export interface Fence {
  readonly host: Host;
  /** References that became dormant. */
  readonly quieted: number;
}

/**
 * Fences a host if it is still silent. May be repeated at any point, and run twice at once: the second run continues with
 * what is left.
 *
 * @param deadline ms: the next sweep does what is left then.
 * @returns `undefined`: it has registered in the meantime.
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
 * Makes a reference dormant that was added before the fence. A woken one already has the epoch of the host. One that was
 * being revived does not yet say what its host has: it does not become dormant, but ends.
 */
export const quiet = (deps: Deps, host: Host, ref: Ref): Promise<boolean> =>
  transitionRef(deps, ref, (now) =>
    isLeftBehind(now, host) && now.state !== 'dormant' && now.state !== 'reviving'
      ? { state: 'dormant', epoch: now.epoch, fencedAt: deps.world.now(), endedAt: undefined }
      : undefined,
  );

/**
 * Wakes the references of a host that has returned. Its leases stay as they are: a release that is still under way
 * identifies a lease by the time of its request, and would miss one that was written again.
 *
 * @returns whether there is more to wake.
 */
export async function wakeRefs(deps: Deps, call: Pick<Call, 'deadline'>, host: Host): Promise<boolean> {
  if (host.state !== 'live' || !host.refsLag) return false;
  const all = await eachRef(deps, host.id, call.deadline, async (ref) => {
    await wakeOwn(deps, host, ref);
    return true;
  });
  if (!all) return true;
  await concludeHost(deps, host);
  return false;
}

/** Wakes a reference, unless it is that of a machine that was this host before: then it becomes dormant. */
export const wakeOwn = (deps: Deps, host: Host, ref: Ref): Promise<boolean> =>
  ref.epoch >= host.ownEpoch ? wake(deps, host, ref) : quiet(deps, host, ref);

/** The change from `dormant` to `gone` has the same condition: either the reference wakes or it ends. */
const wake = (deps: Deps, host: Host, ref: Ref): Promise<boolean> =>
  transitionRef(deps, ref, (now) =>
    isLeftBehind(now, host) && now.state !== 'reviving'
      ? { state: 'live', epoch: host.epoch, fencedAt: undefined, endedAt: undefined }
      : undefined,
  );
