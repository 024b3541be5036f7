/** What is told of hosts by others than themselves: that one is about to go, or that it is dead. */
import type { Deps } from '../deps.ts';
import { changeHost, concludeHost, eachRef, isLeftBehind, transitionRef } from '../host-refs.ts';
import { type Host, isInLease } from '../host.ts';
import type { Ref } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import { isoTime } from '../world.ts';
import { reclaim } from './reclaim.ts';

/** `unknown`: no host of that id has ever registered, or the instance is that host no more. */
export type ReportOutcome = 'done' | 'unknown';

/** ms that one report works at most. What is left is done by the next sweep. */
const TIME_LIMIT_MS = 5_000;

/**
 * A host is proven dead: all that it held is freed. Safe to repeat. Should it register all the same, it lives again, under
 * the raised epoch; what is gone stays gone.
 *
 * @param why for people.
 */
export async function reportDeath(deps: Deps, hostId: string, why: string): Promise<ReportOutcome> {
  const now = deps.world.now();
  return report(deps, hostId, reclaimHost, (host) => dead(host, now, why));
}

/**
 * An operator says that a host is dead. While its lease runs it may well be alive, and what runs there would share its
 * addresses with whoever gets them next: then it takes a word more.
 *
 * @param overridesLease the operator knows that it runs no more, though it was heard of within its lease.
 * @throws Refusal `host-state` when its lease runs, and nobody says so.
 */
export async function declareDead(
  deps: Deps,
  hostId: string,
  why: string,
  overridesLease: boolean,
): Promise<ReportOutcome> {
  const now = deps.world.now();
  return report(deps, hostId, reclaimHost, (host) => {
    if (isInLease(host, now) && !overridesLease) throw inLease(host);
    return dead(host, now, why);
  });
}

const dead = (host: Host, now: number, why: string): Omit<Host, 'rev'> | undefined =>
  host.state === 'dead'
    ? undefined
    : { ...host, state: 'dead', epoch: host.epoch + 1, fencedAt: now, why, refsLag: true };

const inLease = ({ id, state, lastSeen, leaseUntil }: Host): Refusal =>
  new Refusal(
    'host-state',
    `host ${id} is ${state}: it was last heard of at ${isoTime(lastSeen)}, and its lease runs until ` +
      `${isoTime(leaseUntil)}; if it still runs, its containers would share their addresses with others. Stop it and ` +
      'wait for the end of its lease, or, if you are sure that it runs no more: ' +
      `berth host dead ${id} --override-lease (a berth without that option is older than the functions: use theirs)`,
  );

/** A host is about to go: it gets nothing new, and may give back what it has. */
export async function reportDrain(deps: Deps, hostId: string, why: string): Promise<ReportOutcome> {
  return report(deps, hostId, drainHost, (host) =>
    host.state === 'live' ? { ...host, state: 'draining', why, refsLag: true } : undefined,
  );
}

/**
 * EC2 says it of an instance, which need not be the host of that id any more: where another machine was let be that host,
 * nothing is done.
 */
export async function reportInstance(
  deps: Deps,
  instance: string,
  why: string,
  says: typeof reportDeath | typeof reportDrain,
): Promise<ReportOutcome> {
  const host = await deps.store.readHost(instance);
  return host === undefined || host.isAdopted ? 'unknown' : says(deps, instance, why);
}

/**
 * Changes a host as it is now, and lets its references follow.
 *
 * @param change `undefined`: it is so already; what is left of its references is done all the same.
 */
export async function report(
  deps: Deps,
  hostId: string,
  follow: (deps: Deps, host: Host, deadline: number) => Promise<unknown>,
  change: (host: Host) => Omit<Host, 'rev'> | undefined,
): Promise<ReportOutcome> {
  if ((await deps.store.readHost(hostId)) === undefined) return 'unknown';
  const host = await changeHost(deps, hostId, (seen) => {
    const next = change(seen);
    return next && { ...next, changedAt: deps.world.now() };
  });
  if (host === undefined) throw new Refusal('busy', `host ${hostId} is changed by several at once: try again`);
  await follow(deps, host, deps.world.now() + TIME_LIMIT_MS);
  return 'done';
}

/**
 * Ends what a dead host held. What is of its own epoch it has taken since: then it was not dead.
 *
 * @returns how many networks were ended.
 */
export async function reclaimHost(deps: Deps, host: Host, deadline: number): Promise<number> {
  if (host.state !== 'dead') return 0;
  let buried = 0;
  let left = 0;
  const all = await eachRef(deps, host.id, deadline, async (ref) => {
    if (await reclaim(deps, ref, (now) => isLeftBehind(now, host))) buried++;
    else left++;
    return true;
  });
  if (all && left === 0) await concludeHost(deps, host);
  return buried;
}

export async function drainHost(deps: Deps, host: Host, deadline: number): Promise<void> {
  if (host.state !== 'draining') return;
  const all = await eachRef(deps, host.id, deadline, async (ref) => {
    await drain(deps, host, ref);
    return true;
  });
  if (all) await concludeHost(deps, host);
}

/** What is of a later epoch has been called back since. */
export const drain = (deps: Deps, host: Host, ref: Ref): Promise<boolean> =>
  transitionRef(deps, ref, (now) =>
    now.state === 'live' && now.epoch <= host.epoch
      ? { state: 'draining', epoch: now.epoch, fencedAt: undefined, endedAt: undefined }
      : undefined,
  );
