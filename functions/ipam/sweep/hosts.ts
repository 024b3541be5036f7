/** The part of a sweep that visits hosts: it fences silent ones, and completes what their state requires of their references. */
import { sideBySide } from '../all-settled.ts';
import type { Deps } from '../deps.ts';
import { concludeHost, eachRef, isLeftBehind } from '../host-refs.ts';
import { type Host, isSilent } from '../host.ts';
import { fenceHost, quiet, wakeOwn } from '../hosts/fence.ts';
import { reclaimHost, drain, drainHost } from '../hosts/host-events.ts';
import { reclaim } from '../hosts/reclaim.ts';
import { pages } from '../pages.ts';
import { isFormers } from '../ref-check.ts';
import type { Ref } from '../ref.ts';
import { configOf } from '../space.ts';
import { HOST_SHARDS } from '../store.ts';
import type { SweepCursor } from '../sweep-cursor.ts';
import { type Standing, type SweepReport, leavingOut, passOver } from './report.ts';

export interface Bounds {
  /** ms */
  readonly deadline: number;
  readonly limit: number;
}

/** Hosts that are visited before the tour says how far it has come. */
const MAX_HOSTS_AT_ONCE = 64;

/** What a part of a sweep may use, and where it reports what it does. */
export interface Shift {
  /** ms: nothing new is begun after it. */
  readonly deadline: number;
  readonly report: SweepReport;
}

/** How far a tour has come. */
export interface Step {
  readonly cursor: Partial<SweepCursor>;
  /** What is known once a tour has ended. */
  readonly standing?: Partial<Standing>;
}

/**
 * Visits the hosts from the cursor to the last, or as far as the bounds allow. Hosts are begun in their order. The tour goes
 * past a host whose visit the deadline has cut short: `refsLag` says so, and the next tour goes on there.
 *
 * @returns a step after each batch.
 */
export async function* tourHosts(
  deps: Deps,
  { deadline, limit }: Bounds,
  from: Pick<SweepCursor, 'shard' | 'host' | 'fenced'>,
  report: SweepReport,
): AsyncGenerator<Step> {
  const isOver = (): boolean => deps.world.now() >= deadline;
  const visitOne = async (host: Host): Promise<boolean> => {
    let isFenced = host.state === 'fenced';
    await leavingOut(report, `host ${host.id}`, async () => {
      isFenced = await visit(deps, host, { deadline, report });
    });
    return isFenced;
  };
  let { host: after, fenced } = from;
  for (let { shard } = from; shard < HOST_SHARDS; shard++) {
    for await (const { items, unreadable, last } of pages(() => deps.store.hostsOfShard(shard, after))) {
      for (const reason of unreadable) passOver(report, reason);
      for (let start = 0; start < items.length;) {
        const batch = items.slice(start, start + Math.min(MAX_HOSTS_AT_ONCE, limit - report.hosts));
        const visited = await sideBySide(batch, visitOne, isOver);
        report.hosts += visited.length;
        fenced += visited.filter(Boolean).length;
        start += visited.length;
        after = items[start - 1]?.id ?? after;
        yield { cursor: { shard, host: after, fenced } };
        if (visited.length < batch.length || batch.length === 0) return;
      }
      after = last ?? after;
    }
    after = undefined;
  }
  yield { cursor: { shard: 0, host: undefined, fenced: 0 }, standing: { fencedHosts: fenced } };
}

/** @returns whether the host is fenced now. */
async function visit(deps: Deps, host: Host, shift: Shift): Promise<boolean> {
  const { deadline, report } = shift;
  if (!isSilent(host, deps.world.now())) {
    if (host.refsLag) await finish(deps, host, shift);
    else if (await removeLongGone(deps, host)) return (report.removed++, false);
    if (host.former !== '') await tendFormer(deps, host, shift);
    return host.state === 'fenced';
  }
  const fence = await fenceHost(deps, host.id, deadline);
  if (fence === undefined) return false;
  report.fenced++;
  report.quieted += fence.quieted;
  return true;
}

/**
 * ms for which a host stays that is dead or fenced, though it holds nothing. By far longer than any call can be under way, or
 * the index can lag. A fenced host stays longer, since nobody has said that it is gone: operators see it meanwhile.
 */
export const HOST_LIFETIME_MS = { dead: 86_400_000, fenced: 30 * 86_400_000 };

/**
 * Removes a host that went long ago, once nothing is left of it, so that runners which come and go leave nothing behind. Should
 * its machine return, it registers as a new host: its networks had ended before.
 */
async function removeLongGone({ store, world }: Deps, host: Host): Promise<boolean> {
  const { state, changedAt, fencedAt = 0, rivalAt, heardAt, former, ownEpoch, isAwaited } = host;
  if (state !== 'dead' && state !== 'fenced') return false;
  // An operator, or another machine, still counts on what this item says.
  if (isAwaited || former !== '' || ownEpoch !== 0) return false;
  // It remembers which messages of operators it has had: a copy of one must not count for the next machine of its id.
  if (world.now() < Math.max(changedAt, fencedAt, rivalAt, heardAt) + HOST_LIFETIME_MS[state]) return false;
  const { items } = await store.refsOfHost(host.id);
  return items.length === 0 && (await store.removeHost(host));
}

async function finish(deps: Deps, host: Host, shift: Shift): Promise<void> {
  const { deadline, report } = shift;
  switch (host.state) {
    case 'fenced':
      return tendFenced(deps, host, shift);
    case 'dead': {
      // Added afterwards, since other hosts are visited at the same time.
      const ended = await reclaimHost(deps, host, deadline);
      report.buried += ended;
      return;
    }
    case 'draining':
      return drainHost(deps, host, deadline);
    case 'live':
      // The host registers again until all its references are awake.
      return;
  }
}

/** References that a fence has not reached become dormant; those that were dormant for too long end. */
async function tendFenced(deps: Deps, host: Host, shift: Shift): Promise<void> {
  let left = 0;
  const all = await eachRef(deps, host.id, shift.deadline, async (ref) => {
    if (!(await follow(deps, host, ref, shift))) left++;
    return true;
  });
  if (all && left === 0) await concludeHost(deps, host);
}

/**
 * Does with one reference what the state of its host requires.
 *
 * @param host read after the reference, so that its state is not older.
 * @returns whether anything was done.
 */
export async function follow(deps: Deps, host: Host, ref: Ref, shift: Shift): Promise<boolean> {
  const { deadline, report } = shift;
  const isUp = host.state === 'live' || host.state === 'draining';
  if (isUp && standsForFormer(host, ref)) return endFormers(deps, host, ref, shift);
  switch (host.state) {
    case 'fenced':
      if (await quiet(deps, host, ref)) return (report.quieted++, true);
      if (await forget(deps, host, ref, deadline)) return (report.forgotten++, true);
      return false;
    case 'dead':
      if (await reclaim(deps, ref, (now) => isLeftBehind(now, host), deadline)) return (report.buried++, true);
      return false;
    case 'draining':
      return drain(deps, host, ref);
    case 'live':
      return wakeOwn(deps, host, ref);
  }
}

/**
 * What a machine held that was this host before: it ends when that machine is dead, or when its space forgets it, which
 * does not happen while that machine still tries to register.
 */
async function tendFormer(deps: Deps, host: Host, shift: Shift): Promise<void> {
  if (host.state !== 'live' && host.state !== 'draining') return;
  let left = 0;
  const all = await eachRef(deps, host.id, shift.deadline, async (ref) => {
    if (standsForFormer(host, ref) && !(await endFormers(deps, host, ref, shift))) left++;
    return true;
  });
  const isOver = deps.world.now() >= host.since + FORMER_LIFETIME_MS;
  if (all && left === 0 && isOver) await deps.store.writeHost({ ...host, ownEpoch: 0, former: '' }, host);
}

/** ms: by then the walk over all items has met every reference of the former machine, even one that the index shows late. */
const FORMER_LIFETIME_MS = 86_400_000;

const standsForFormer = (host: Host, ref: Ref): boolean => ref.state !== 'gone' && isFormers(ref, host);

/** @returns whether a reference of the former machine has ended; otherwise it is dormant. */
async function endFormers(deps: Deps, host: Host, ref: Ref, shift: Shift): Promise<boolean> {
  const { deadline, report } = shift;
  if (host.former === 'dead' && (await reclaim(deps, ref, (now) => standsForFormer(host, now), deadline)))
    return (report.buried++, true);
  if (host.former !== 'dead' && (await forget(deps, host, ref, deadline))) return (report.forgotten++, true);
  if (await quiet(deps, host, ref)) report.quieted++;
  return false;
}

/** Ends a reference that was dormant for longer than its space remembers, or was being revived, unless it is woken first. */
export async function forget(deps: Deps, host: Host, ref: Ref, deadline = Infinity): Promise<boolean> {
  const { forgetAfter } = configOf(ref.space, await deps.store.readSpace(ref.space));
  const before = deps.world.now() - forgetAfter;
  return reclaim(
    deps,
    ref,
    (now) =>
      isLeftBehind(now, host) &&
      (now.state === 'reviving' ||
        (now.state === 'dormant' && (now.fencedAt ?? 0) <= before && host.rivalAt <= before)),
    deadline,
  );
}
