/**
 * The part of a sweep that walks over all items, page by page. Later reads confirm what is found, and every change is
 * conditional on its exact value or state.
 */
import { freeOrphans, leasesIn } from '../addresses/orphans.ts';
import { freeExactly, keeps } from '../addresses/reservation.ts';
import { type Chunk, addressAt } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import { IN_FLIGHT_MS } from '../host.ts';
import { IN_PLACE_OF_HOST } from '../hosts/reclaim.ts';
import { pages } from '../pages.ts';
import { type Pool, hasExpired } from '../pool.ts';
import { isReferenced, retireUnreferenced } from '../pools/membership.ts';
import type { Ref } from '../ref.ts';
import { decodeSlot } from '../slot.ts';
import type { Found, Store } from '../store.ts';
import type { SweepCursor, Usage } from '../sweep-cursor.ts';
import { passingOver } from '../unreadable.ts';
import { type Bounds, follow } from './hosts.ts';
import { type SweepReport, passOver } from './report.ts';
import { NOTHING_COUNTED, concluded, countChunks, passed } from './usage.ts';

const PAGE_ITEMS = 100;
/** ms between two walks over all items: what they find takes up room, but does no harm. */
const WALK_INTERVAL_MS = 3_600_000;
/** ms that a tombstone stays: longer than any write can be under way that must find it. */
export const TOMBSTONE_LIFETIME_MS = 10 * IN_FLIGHT_MS;

type ItemCursor = Pick<SweepCursor, 'item' | 'walkedAt' | 'usage'>;

/** @returns where to continue and, at the end of the walk, what it has counted. */
export async function sweepItems(
  deps: Deps,
  { deadline, limit }: Bounds,
  { item: from, walkedAt, usage: counted }: ItemCursor,
  report: SweepReport,
): Promise<ItemCursor & { readonly walked: Usage | undefined }> {
  const { store, world } = deps;
  if (from === undefined && world.now() < walkedAt + WALK_INTERVAL_MS) {
    return { item: from, walkedAt, usage: undefined, walked: undefined };
  }
  let item = from;
  let usage = counted ?? NOTHING_COUNTED;
  for (let left = limit; left > 0 && world.now() < deadline; left -= PAGE_ITEMS) {
    const { items, unreadable, next } = await store.walk(item, Math.min(left, PAGE_ITEMS));
    for (const reason of unreadable) passOver(report, reason);
    report.items += items.length;
    usage = await visit(deps, items, report, usage);
    if (next === undefined) {
      return { item: undefined, walkedAt: world.now(), usage: undefined, walked: concluded(usage) };
    }
    item = next;
  }
  return { item, walkedAt, usage, walked: undefined };
}

async function visit(deps: Deps, items: readonly Found[], report: SweepReport, counted: Usage): Promise<Usage> {
  const each = (of: string, part: () => Promise<void>): Promise<void> =>
    passingOver((reason) => {
      passOver(report, `${of}: ${reason}`);
    }, part);
  for (const found of items) {
    if (found.kind !== 'pool') continue;
    await each(`generation ${found.pool.generation}`, () => sweepPool(deps, found.pool, report));
  }
  const refs = items.flatMap((found) => (found.kind === 'ref' ? [found.ref] : []));
  for (const [hostId, some] of Map.groupBy(refs, (ref) => ref.hostId)) {
    await each(`host ${hostId}`, () => sweepStanding(deps, hostId, some, report));
  }
  for (const [generation, some] of Map.groupBy(refs, (ref) => ref.generation)) {
    await each(`generation ${generation}`, () => sweepTombstones(deps, some, report));
  }
  const chunks = items.filter((found) => found.kind === 'chunk');
  let usage = counted;
  for (const [generation, some] of Map.groupBy(chunks, (found) => found.generation)) {
    const seen = some.map(({ chunk }) => chunk);
    await each(`generation ${generation}`, async () => {
      const [ref] = await sweepChunks(deps, generation, seen, report);
      if (ref !== undefined) usage = countChunks(usage, ref, seen);
    });
  }
  const last = items.at(-1);
  return passed(usage, last?.kind === 'chunk' ? last.generation : undefined);
}

/**
 * Lets references follow the state of their host that the index has not shown yet: the walk reaches all of them, however
 * far the index lags.
 *
 * @param refs of one host.
 */
export async function sweepStanding(
  deps: Deps,
  hostId: string,
  refs: readonly Ref[],
  report: SweepReport,
): Promise<void> {
  const standing = refs.filter(({ state }) => state !== 'gone');
  const host = standing.length === 0 ? undefined : await deps.store.readHost(hostId);
  if (host === undefined) return;
  for (const ref of standing) await follow(deps, host, ref, report);
}

/** Removes an abandoned announcement, and a pool without a reference. */
export async function sweepPool(deps: Deps, pool: Pool, report: SweepReport): Promise<void> {
  if (hasExpired(pool, deps.world.now())) {
    if (await deps.store.removePool(pool)) report.announcements++;
    return;
  }
  if (pool.state === 'pending' || (await isReferenced(deps.store, pool.generation))) return;
  if (!(await retireUnreferenced(deps, pool))) report.pools++;
}

/**
 * Frees what has landed under tombstones of one pool, once nothing more can land, and then removes those that are old.
 *
 * @param refs of one generation.
 */
export async function sweepTombstones(deps: Deps, refs: readonly Ref[], report: SweepReport): Promise<void> {
  const now = deps.world.now();
  const gone = refs.filter(({ state, endedAt }) => state === 'gone' && now >= (endedAt ?? 0) + IN_FLIGHT_MS);
  const [first] = gone;
  if (first === undefined) return;
  const names = gone.map(({ name }) => name);
  report.leases += await freeOrphans(deps, IN_PLACE_OF_HOST, first, names);
  for (const { generation, name, endedAt } of gone) {
    if (now < (endedAt ?? 0) + TOMBSTONE_LIFETIME_MS) continue;
    if (await deps.store.removeTombstone(generation, name)) report.tombstones++;
  }
}

/**
 * Frees what chunks hold without an owner: leases of networks that have ended, reservations that no network lists. Removes
 * the chunks of a pool that has ended. The references are read after the chunks, because a reservation is listed first
 * and stamped afterwards.
 *
 * @returns the references of the generation.
 */
export async function sweepChunks(
  deps: Deps,
  generation: string,
  chunks: readonly Chunk[],
  report: SweepReport,
): Promise<readonly Ref[]> {
  const refs = await allRefs(deps.store, generation);
  const standing = refs.filter(({ state }) => state !== 'gone');
  for (const chunk of chunks) {
    const held = chunk.slots.some((value) => value !== undefined && decodeSlot(value).kind !== 'free');
    if (held) {
      report.leases += await freeLeases(deps, generation, chunk, standing);
      report.reservations += await freeReservations(deps, generation, chunk, standing);
    } else if (refs.length === 0 && (await deps.store.removeChunk(generation, chunk.index))) {
      report.chunks++;
    }
  }
  return refs;
}

async function freeLeases(deps: Deps, generation: string, chunk: Chunk, standing: readonly Ref[]): Promise<number> {
  let freed = 0;
  for (const { ref, place, value } of leasesIn(generation, chunk)) {
    if (standing.some(({ name }) => name === ref)) continue;
    if (await freeExactly(deps, IN_PLACE_OF_HOST, ref, place, value)) freed++;
  }
  return freed;
}

async function freeReservations(
  deps: Deps,
  generation: string,
  { index, slots }: Chunk,
  standing: readonly Ref[],
): Promise<number> {
  let freed = 0;
  for (const [slot, value] of slots.entries()) {
    const state = decodeSlot(value);
    if (value === undefined || state?.kind !== 'reserved') continue;
    if (standing.some((ref) => keeps(ref, addressAt(ref.cidr, index, slot)))) continue;
    const place = { generation, chunk: index, slot };
    if (await freeExactly(deps, IN_PLACE_OF_HOST, state.ref, place, value)) freed++;
  }
  return freed;
}

async function allRefs(store: Store, generation: string): Promise<Ref[]> {
  const refs: Ref[] = [];
  for await (const { items } of pages((last?: Ref) => store.refsOf(generation, last?.name))) refs.push(...items);
  return refs;
}
