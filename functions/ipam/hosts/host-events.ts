/** What AWS and operators report about hosts: that one is about to go, or that it is dead. */
import type { Deps } from '../deps.ts';
import { changeHost, concludeHost, eachRef, isLeftBehind, transitionRef } from '../host-refs.ts';
import { type Host, isInLease } from '../host.ts';
import type { Ref } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import { isoTime } from '../world.ts';
import { reclaim } from './reclaim.ts';

/** `unknown`: no host of that id has ever registered, or the instance is no longer that host. */
export type ReportOutcome = 'done' | 'unknown';

/** The most ms that one report works. The next sweep does what is left. */
const TIME_LIMIT_MS = 5_000;

/**
 * A host is proven dead: all that it held is freed. Safe to repeat. If the host registers nevertheless, it is live again
 * under the raised epoch; what was freed stays freed.
 *
 * @param why for people to read.
 */
export async function reportDeath(deps: Deps, hostId: string, why: string): Promise<ReportOutcome> {
  const now = deps.world.now();
  return report(deps, hostId, reclaimHost, (host) => dead(host, now, why));
}

/**
 * An operator declares a host dead. While its lease runs it is probably alive, and its containers would share their
 * addresses with the next holders: then the operator must confirm it.
 *
 * @param overridesLease the operator knows that it no longer runs, although its lease does.
 * @throws Refusal `host-state` when its lease runs and the operator does not override it.
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
    `host ${id} is ${state}: it was last seen at ${isoTime(lastSeen)}, and its lease runs until ` +
      `${isoTime(leaseUntil)}; if it still runs, its containers would share their addresses with others. Stop it and ` +
      'wait until its lease ends, or, if you are sure that it no longer runs, use ' +
      `berth host dead ${id} --override-lease (if berth lacks that option, install the version of the functions)`,
  );

/** A host is about to go: it gets nothing new, and may release what it has. */
export async function reportDrain(deps: Deps, hostId: string, why: string): Promise<ReportOutcome> {
  return report(deps, hostId, drainHost, (host) =>
    host.state === 'live' ? { ...host, state: 'draining', why, refsLag: true } : undefined,
  );
}

/**
 * EC2 reports an event of an instance, which may no longer be the host of that id: if an operator made another machine
 * that host, nothing is done.
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
 * Changes a host as it is now, and then its references.
 *
 * @param change returns `undefined` if the host has that state already; its remaining references follow all the same.
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
  if (host === undefined) throw new Refusal('busy', `host ${hostId} is being changed by others; try again`);
  await follow(deps, host, deps.world.now() + TIME_LIMIT_MS);
  return 'done';
}

/**
 * Ends what a dead host held. References of its present epoch are newer: the host has registered since, so it was not dead.
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

/** Leaves a reference of a later epoch alone: its host's drain has been lifted since. */
export const drain = (deps: Deps, host: Host, ref: Ref): Promise<boolean> =>
  transitionRef(deps, ref, (now) =>
    now.state === 'live' && now.epoch <= host.epoch
      ? { state: 'draining', epoch: now.epoch, fencedAt: undefined, endedAt: undefined }
      : undefined,
  );
