/**
 * The part of a sweep that walks over all items, page by page. Later reads confirm what is found, and every change is
 * conditional on its exact value or state.
 */
import { cidrSize } from '../../../protocol/address.ts';
import { freeOrphans } from '../addresses/orphans.ts';
import { freeExactly, keeps } from '../addresses/reservation.ts';
import { sideBySide } from '../all-settled.ts';
import { CHUNKS_PER_GROUP, CHUNK_SIZE, type Chunk, type SlotPlace, addressAt } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import { IN_FLIGHT_MS } from '../host.ts';
import { IN_PLACE_OF_HOST } from '../hosts/reclaim.ts';
import { pages } from '../pages.ts';
import { type Pool, hasExpired } from '../pool.ts';
import { isReferenced, retireUnreferenced } from '../pools/membership.ts';
import type { Ref } from '../ref.ts';
import { type Slot, decodeSlot } from '../slot.ts';
import type { Found, Store } from '../store.ts';
import type { SweepCursor, Usage } from '../sweep-cursor.ts';
import { type Bounds, type Shift, type Step, follow } from './hosts.ts';
import { type SweepReport, leavingOut, passOver } from './report.ts';
import { NOTHING_COUNTED, concluded, countChunks, countPools, passed } from './usage.ts';

const PAGE_ITEMS = 100;
/** ms between two walks over all items: what they find takes up room, but does no harm. */
const WALK_INTERVAL_MS = 3_600_000;
/** ms that a tombstone stays: longer than any write can be under way that must find it. */
export const TOMBSTONE_LIFETIME_MS = 10 * IN_FLIGHT_MS;

/** Whether a walk is under way, or a new one has to begin. @param now ms */
export const isWalkDue = ({ item, walkedAt }: Pick<SweepCursor, 'item' | 'walkedAt'>, now: number): boolean =>
  item !== undefined || now >= walkedAt + WALK_INTERVAL_MS;

/** If a walk is due, walks over all items, or as far as the bounds allow. @returns a step after each page. */
export async function* walkItems(
  { store, world }: Deps,
  { deadline, limit }: Bounds,
  from: Pick<SweepCursor, 'item' | 'walkedAt' | 'usage'>,
  report: SweepReport,
): AsyncGenerator<Step> {
  if (!isWalkDue(from, world.now())) return;
  let { item, usage = NOTHING_COUNTED } = from;
  const owners: Owners = new Map();
  for (let left = limit; left > 0 && world.now() < deadline; left -= PAGE_ITEMS) {
    const { items, unreadable, next } = await store.walk(item, Math.min(left, PAGE_ITEMS));
    for (const reason of unreadable) passOver(report, reason);
    report.items += items.length;
    const counted = await visit({ store, world }, items, { deadline, owners, report, usage });
    if (counted === undefined) return;
    usage = counted;
    if (next === undefined) {
      yield {
        cursor: { item: undefined, walkedAt: world.now(), usage: undefined },
        standing: { usage: concluded(usage) },
      };
      return;
    }
    item = next;
    yield { cursor: { item, usage } };
  }
}

/** @returns what has been counted. `undefined`: the deadline came first, so the page has to be visited again. */
async function visit(
  deps: Deps,
  items: readonly Found[],
  { usage: counted, ...walk }: Required<ChunkWalk> & { readonly usage: Usage },
): Promise<Usage | undefined> {
  const { deadline, report } = walk;
  const isOver = (): boolean => deps.world.now() >= deadline;
  const each = <T>(what: string, parts: ReadonlyMap<string, T>, visitPart: (part: T, name: string) => Promise<void>) =>
    sideBySide(parts, ([name, part]) => leavingOut(report, `${what} ${name}`, () => visitPart(part, name)), isOver);
  const pools = items.flatMap((found) => (found.kind === 'pool' ? [found.pool] : []));
  const refs = items.flatMap((found) => (found.kind === 'ref' ? [found.ref] : []));
  const chunks = items.filter((found) => found.kind === 'chunk');
  let usage = countPools(counted, pools);
  await each('generation', new Map(pools.map((pool) => [pool.generation, pool])), (pool) =>
    sweepPool(deps, pool, report),
  );
  await each(
    'host',
    Map.groupBy(refs, ({ hostId }) => hostId),
    (some, hostId) => sweepStanding(deps, hostId, some, walk),
  );
  await each(
    'generation',
    Map.groupBy(refs, ({ generation }) => generation),
    (some) => sweepTombstones(deps, some, walk),
  );
  await each(
    'generation',
    Map.groupBy(chunks, ({ generation }) => generation),
    async (some, generation) => {
      const seen = some.map(({ chunk }) => chunk);
      const [ref] = await sweepChunks(deps, generation, seen, walk);
      if (ref !== undefined) usage = countChunks(usage, ref, seen);
    },
  );
  if (isOver()) return undefined;
  const last = items.at(-1);
  return passed(usage, last?.kind === 'chunk' ? last.generation : undefined);
}

/**
 * Lets references follow the state of their host that the index has not shown yet: the walk reaches all of them, however
 * far the index lags.
 *
 * @param refs of one host.
 */
export async function sweepStanding(deps: Deps, hostId: string, refs: readonly Ref[], shift: Shift): Promise<void> {
  const standing = refs.filter(({ state }) => state !== 'gone');
  const host = standing.length === 0 ? undefined : await deps.store.readHost(hostId);
  if (host === undefined) return;
  await sideBySide(standing, (ref) => follow(deps, host, ref, shift), isOverFor(deps, shift));
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
export async function sweepTombstones(deps: Deps, refs: readonly Ref[], shift: Shift): Promise<void> {
  const { deadline, report } = shift;
  const now = deps.world.now();
  const gone = refs.filter(({ state, endedAt }) => state === 'gone' && now >= (endedAt ?? 0) + IN_FLIGHT_MS);
  if (gone.length === 0) return;
  const freed = await freeOrphans(deps, IN_PLACE_OF_HOST, gone, deadline);
  report.leases += freed;
  // A tombstone that goes before its leases would leave them to the walk, which reads all references for each.
  const isOver = isOverFor(deps, shift);
  if (isOver()) return;
  const old = gone.filter(({ endedAt }) => now >= (endedAt ?? 0) + TOMBSTONE_LIFETIME_MS);
  const remove = async ({ generation, name }: Ref): Promise<void> => {
    if (await deps.store.removeTombstone(generation, name)) report.tombstones++;
  };
  await sideBySide(old, remove, isOver);
}

/**
 * The references of big pools that a walk has read before. They only show what may stay: whatever they do not account for
 * is looked up again.
 */
type Owners = Map<string, readonly Ref[]>;

/** What `sweepChunks` needs of its walk. */
interface ChunkWalk extends Shift {
  readonly owners?: Owners;
}

/**
 * Frees what chunks hold without an owner: leases of networks that have ended, reservations that no network lists. Removes
 * the chunks of a pool that has ended. The references are read after the chunks, because a reservation is listed first
 * and stamped afterwards; earlier ones are enough if they account for all that the chunks hold.
 *
 * @returns the references of the generation.
 */
export async function sweepChunks(
  deps: Deps,
  generation: string,
  chunks: readonly Chunk[],
  { owners = new Map(), ...shift }: ChunkWalk,
): Promise<readonly Ref[]> {
  const { report } = shift;
  const isOver = isOverFor(deps, shift);
  const known = owners.get(generation);
  if (known !== undefined && chunks.every((chunk) => ownerless(generation, chunk, known).length === 0)) return known;
  const refs = await allRefs(deps.store, generation);
  if (refs.some(isBig)) owners.set(generation, refs);
  const free = async ({ ref, place, value, kind }: Ownerless): Promise<void> => {
    if (await freeExactly(deps, IN_PLACE_OF_HOST, ref, place, value)) report[kind]++;
  };
  const visitChunk = async (chunk: Chunk): Promise<void> => {
    const freed = await sideBySide(ownerless(generation, chunk, refs), free, isOver);
    const isEmpty = freed.length === 0 && chunk.slots.every((value) => !isHeld(decodeSlot(value)));
    if (isEmpty && refs.length === 0 && (await deps.store.removeChunk(generation, chunk.index))) report.chunks++;
  };
  await sideBySide(chunks, visitChunk, isOver);
  return refs;
}

const isOverFor =
  ({ world }: Deps, { deadline }: Shift) =>
  (): boolean =>
    world.now() >= deadline;

const isHeld = (slot: Slot | undefined): boolean => slot !== undefined && slot.kind !== 'free';

/** A pool whose chunks are in more than one group: a walk meets them at different times. */
const isBig = ({ cidr }: Ref): boolean => cidrSize(cidr) > CHUNKS_PER_GROUP * BigInt(CHUNK_SIZE);

interface Ownerless {
  readonly kind: 'leases' | 'reservations';
  readonly ref: string;
  readonly place: SlotPlace;
  readonly value: string;
}

/** What a chunk holds that no reference accounts for. */
function ownerless(generation: string, { index, slots }: Chunk, refs: readonly Ref[]): Ownerless[] {
  const standing = refs.filter(({ state }) => state !== 'gone');
  return slots.flatMap((value, slot): Ownerless[] => {
    const state = decodeSlot(value);
    if (value === undefined || state === undefined || state.kind === 'free') return [];
    const isOwned =
      state.kind === 'leased'
        ? standing.some(({ name }) => name === state.ref)
        : standing.some((ref) => keeps(ref, addressAt(ref.cidr, index, slot)));
    if (isOwned) return [];
    const kind = state.kind === 'leased' ? 'leases' : 'reservations';
    return [{ kind, ref: state.ref, place: { generation, chunk: index, slot }, value }];
  });
}

async function allRefs(store: Store, generation: string): Promise<Ref[]> {
  const refs: Ref[] = [];
  for await (const { items } of pages((last?: Ref) => store.refsOf(generation, last?.name))) refs.push(...items);
  return refs;
}
