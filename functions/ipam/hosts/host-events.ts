/** What AWS and operators report about hosts: that one is about to go, or that it is dead. */
import type { Deps } from '../deps.ts';
import { changeHost, concludeHost, eachRef, eachRefOrTombstone, isLeftBehind, transitionRef } from '../host-refs.ts';
import { type Host, isInLease } from '../host.ts';
import type { Ref } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import { isoTime } from '../world.ts';
import { freeHeld, reclaim } from './reclaim.ts';

/** `unknown`: no host of that id has ever registered, or the instance is no longer that host. */
export type ReportOutcome = 'done' | 'unknown';

/** The most ms that one report works if its caller does not say. The next sweep does what is left. */
const TIME_LIMIT_MS = 5_000;

/**
 * A host is proven dead: all that it held is freed. Safe to repeat. If the host registers nevertheless, it is live again
 * under the raised epoch; what was freed stays freed.
 *
 * @param why for people to read.
 * @param deadline ms
 */
export async function reportDeath(deps: Deps, hostId: string, why: string, deadline?: number): Promise<ReportOutcome> {
  const now = deps.world.now();
  return report(deps, hostId, { follow: reclaimHost, change: (host) => dead(host, now, why), deadline });
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
  const change = (host: Host) => {
    if (isInLease(host, now) && !overridesLease) throw inLease(host);
    return dead(host, now, why);
  };
  return report(deps, hostId, { follow: reclaimHost, change });
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

/** A host is about to go: it gets nothing new, and may release what it has. @param deadline ms */
export async function reportDrain(deps: Deps, hostId: string, why: string, deadline?: number): Promise<ReportOutcome> {
  const change = (host: Host): Omit<Host, 'rev'> | undefined =>
    host.state === 'live' ? { ...host, state: 'draining', why, refsLag: true } : undefined;
  return report(deps, hostId, { follow: drainHost, change, deadline });
}

/** What EC2 says about an instance. */
export interface InstanceReport {
  readonly why: string;
  /** ms */
  readonly deadline: number;
  readonly says: typeof reportDeath | typeof reportDrain;
}

/**
 * EC2 reports an event of an instance, which may no longer be the host of that id: if an operator made another machine
 * that host, nothing is done.
 */
export async function reportInstance(
  deps: Deps,
  instance: string,
  { why, deadline, says }: InstanceReport,
): Promise<ReportOutcome> {
  const host = await deps.store.readHost(instance);
  return host === undefined || host.isAdopted ? 'unknown' : says(deps, instance, why, deadline);
}

export interface HostChange {
  /** Lets the references of the host follow it, until a deadline (ms). */
  readonly follow: (deps: Deps, host: Host, deadline: number) => Promise<unknown>;
  /** Returns `undefined` if the host has that state already; its remaining references follow all the same. */
  readonly change: (host: Host) => Omit<Host, 'rev'> | undefined;
  /** ms */
  readonly deadline?: number | undefined;
}

/** Changes a host as it is now, and then its references. */
export async function report(
  deps: Deps,
  hostId: string,
  { follow, change, deadline = deps.world.now() + TIME_LIMIT_MS }: HostChange,
): Promise<ReportOutcome> {
  if ((await deps.store.readHost(hostId)) === undefined) return 'unknown';
  const host = await changeHost(deps, hostId, (seen) => {
    const next = change(seen);
    return next && { ...next, changedAt: deps.world.now() };
  });
  if (host === undefined) throw new Refusal('busy', `host ${hostId} is being changed by others; try again`);
  await follow(deps, host, deadline);
  return 'done';
}

/**
 * Ends what a dead host held. References of its present epoch are newer: the host has registered since, so it was not dead.
 * A run that was cut off may have ended a reference and not freed all that it held: the next run goes on there.
 *
 * @returns how many networks were ended.
 */
export async function reclaimHost(deps: Deps, host: Host, deadline: number): Promise<number> {
  if (host.state !== 'dead') return 0;
  let buried = 0;
  let left = 0;
  const visit = async (ref: Ref): Promise<boolean> => {
    if (ref.state === 'gone') {
      if ((ref.endedAt ?? 0) >= (host.fencedAt ?? 0)) await freeHeld(deps, ref, deadline);
    } else if (await reclaim(deps, ref, (now) => isLeftBehind(now, host), deadline)) buried++;
    else left++;
    return true;
  };
  const all = await eachRefOrTombstone(deps, host.id, deadline, visit);
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
