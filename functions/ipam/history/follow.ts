/**
 * Follows the table's stream: reads what is new in every shard, writes it down, then commits how far it came. It is killed
 * anywhere without harm: what an attempt wrote before it died is true, and the next attempt writes it once more.
 *
 * What it cannot know, it says: if a part of the stream is lost, an epoch ends where everything was still read, and the next
 * begins with a base. Nothing in between is ever answered.
 */
import type { Store } from '../store.ts';
import { type World, isoTime } from '../world.ts';
import { writeBase } from './base.ts';
import { type Entry, entriesOf } from './entry.ts';
import { shelved } from './shelf.ts';
import type { ChangeStream, HistoryCursor, HistoryStore, Position, Shard, Stream } from './store.ts';

export interface FollowDeps {
  readonly world: World;
  readonly store: Pick<Store, 'walk'>;
  readonly stream: ChangeStream;
  readonly history: HistoryStore;
}

/** ms that a change may take to show in the stream, and that clocks may differ. */
export const SETTLE_MS = 10_000;
/** ms: the stream keeps a day. What was not read for almost that long may be lost. */
const STREAM_KEEPS_MS = 23 * 3_600_000;
/** The most changes that one run takes. */
const MAX_CHANGES = 20_000;
/** Entries of one item of a log: at most 400 KB. */
const MAX_ENTRIES = 4_000;
/** A base is due once more was written since than it has bytes, or this long after it (ms). */
const MIN_BASE_BYTES = 1_048_576;
const BASE_EVERY_MS = 7 * 86_400_000;
/** ms after a base that the next may follow, whatever happens. */
const BASE_PAUSE_MS = 600_000;

export interface Followed {
  /** `busy`: another run was faster. `off`: the table has no stream. */
  readonly outcome: 'caught-up' | 'more' | 'busy' | 'off';
  readonly changes: number;
  readonly entries: number;
  /** Why changes were lost. '': none was. */
  readonly gap: string;
  /** ms: everything until then is known. */
  readonly until: number;
  readonly isKnown: boolean;
}

const IDLE = { changes: 0, entries: 0, gap: '', until: 0, isKnown: false } as const;

/** One run. @param deadline ms: it ends then, with what it has read. */
export async function follow(deps: FollowDeps, deadline: number): Promise<Followed> {
  const { world, history } = deps;
  const stream = await deps.stream.describe();
  if (stream === undefined) return { ...IDLE, outcome: 'off' };
  const seen = await history.readCursor();
  const begun = world.now();
  const start = Math.max(begun, (seen?.run ?? 0) + 1);
  const attempt = world.random(8);
  const before = lostBefore(seen, stream, start);
  const read = await readShards(deps, stream, before === undefined ? (seen?.positions ?? {}) : {}, deadline);
  const gap = before ?? read.lost;
  if (gap !== undefined && seen?.since !== undefined) await history.putEpoch(seen);
  const current = gap === undefined && seen !== undefined ? seen : freshEpoch(seen, stream, gap ?? '');
  // Until it has a base, an epoch answers nothing, and the base holds what was read before it.
  const entries = current.since === undefined ? [] : read.entries;
  const bytes = await writeLogs(deps, { epoch: current.epoch, run: start, before: current.until }, entries, attempt);
  const until = read.isCaughtUp ? Math.max(current.until, begun - SETTLE_MS) : current.until;
  const { positions } = read;
  const next = { ...current, run: start, positions, until, bytes: current.bytes + bytes, rev: attempt };
  const based = await withBase(deps, next, { isCaughtUp: read.isCaughtUp && read.lost === undefined, deadline });
  const isDone = await history.moveCursor(seen, based);
  const outcome = !isDone ? 'busy' : read.isCaughtUp ? 'caught-up' : 'more';
  const isKnown = based.since !== undefined;
  return { outcome, changes: read.changes, entries: entries.length, gap: gap ?? '', until, isKnown };
}

/** Why changes were lost before this run. `undefined`: none was. '': this is the first run. */
function lostBefore(seen: HistoryCursor | undefined, stream: Stream, now: number): string | undefined {
  if (seen === undefined) return '';
  if (seen.stream !== stream.name) return 'the table has another stream than before';
  if (now - seen.run > STREAM_KEEPS_MS) return `nobody read the stream since ${isoTime(seen.run)}`;
  const listed = new Set(stream.shards.map(({ id }) => id));
  const isLost = Object.entries(seen.positions).some(([id, { isDone }]) => !isDone && !listed.has(id));
  if (isLost) return 'a part of the stream ended before it was read';
  const isOrphan = ({ id, parent }: Shard): boolean =>
    seen.positions[id] === undefined && parent !== undefined && !listed.has(parent) && !(parent in seen.positions);
  // The first run of an epoch begins with what the stream still holds.
  if (Object.keys(seen.positions).length > 0 && stream.shards.some(isOrphan))
    return 'a part of the stream came and went unread';
  return undefined;
}

const freshEpoch = (seen: HistoryCursor | undefined, { name }: Stream, gap: string): HistoryCursor => ({
  epoch: (seen?.epoch ?? 0) + 1,
  since: undefined,
  until: 0,
  run: 0,
  stream: name,
  positions: {},
  baseBytes: seen?.baseBytes ?? 0,
  bytes: 0,
  baseRun: seen?.baseRun ?? 0,
  gap,
  rev: '',
});

interface ReadShards {
  readonly positions: Readonly<Record<string, Position>>;
  readonly entries: readonly Entry[];
  readonly changes: number;
  readonly isCaughtUp: boolean;
  readonly lost: string | undefined;
}

/** Reads every shard to its end, parents first: the changes of one item must be written down in order. */
async function readShards(
  deps: FollowDeps,
  stream: Stream,
  from: Readonly<Record<string, Position>>,
  deadline: number,
): Promise<ReadShards> {
  const positions: Record<string, Position> = {};
  const entries: Entry[] = [];
  let [changes, isCaughtUp] = [0, true];
  let lost: string | undefined;
  const listed = new Set(stream.shards.map(({ id }) => id));
  for (const { id, parent } of parentsFirst(stream.shards)) {
    const position = from[id] ?? { after: undefined, isDone: false };
    positions[id] = position;
    if (position.isDone) continue;
    if (parent !== undefined && listed.has(parent) && positions[parent]?.isDone !== true) {
      isCaughtUp = false;
      continue;
    }
    const read = await readShard(deps, { stream: stream.name, id, position, deadline, limit: MAX_CHANGES - changes });
    lost ??= read.lost;
    entries.push(...read.entries);
    changes += read.changes;
    positions[id] = read.position;
    isCaughtUp &&= read.isAtEnd;
  }
  return { positions, entries, changes, isCaughtUp, lost };
}

function parentsFirst(shards: readonly Shard[]): Shard[] {
  const byId = new Map(shards.map((shard) => [shard.id, shard]));
  const sorted = new Set<Shard>();
  const visit = (shard: Shard): void => {
    const parent = shard.parent === undefined ? undefined : byId.get(shard.parent);
    if (parent !== undefined && parent !== shard && !sorted.has(parent)) visit(parent);
    sorted.add(shard);
  };
  for (const shard of shards) visit(shard);
  return [...sorted];
}

interface ShardWork {
  readonly stream: string;
  readonly id: string;
  readonly position: Position;
  readonly deadline: number;
  readonly limit: number;
}

interface ReadShard {
  readonly entries: readonly Entry[];
  readonly changes: number;
  readonly position: Position;
  /** An answer was empty, or the shard is closed and read. */
  readonly isAtEnd: boolean;
  readonly lost: string | undefined;
}

async function readShard({ world, stream }: FollowDeps, work: ShardWork): Promise<ReadShard> {
  const entries: Entry[] = [];
  let { after } = work.position;
  let [changes, isDone, isAtEnd] = [0, false, false];
  let lost: string | undefined;
  let place = await stream.begin(work.stream, work.id, after);
  if (place === undefined) return TRIMMED;
  while (place !== undefined && !isAtEnd && changes < work.limit && world.now() < work.deadline) {
    const page = await stream.read(place);
    if (page === undefined) return TRIMMED;
    for (const change of page.changes) {
      if (change.kind === 'unreadable') lost ??= `a change of the table cannot be read: ${change.why}`;
      entries.push(...entriesOf(world, change));
    }
    changes += page.changes.length;
    after = page.last ?? after;
    isDone = page.next === undefined;
    isAtEnd = isDone || page.changes.length === 0;
    place = page.next;
  }
  return { entries, changes, position: { after, isDone }, isAtEnd, lost };
}

/** The next run begins where the shard begins by then. */
const TRIMMED: ReadShard = {
  entries: [],
  changes: 0,
  position: { after: undefined, isDone: false },
  isAtEnd: false,
  lost: 'a part of the stream was removed before it was read',
};

async function writeLogs(
  { world, history }: FollowDeps,
  log: { readonly epoch: number; readonly run: number; readonly before: number },
  all: readonly Entry[],
  attempt: string,
): Promise<number> {
  let bytes = 0;
  for (const [shelf, entries] of shelved(world, all)) {
    for (let from = 0; from < entries.length; from += MAX_ENTRIES) {
      const part = entries.slice(from, from + MAX_ENTRIES);
      bytes += await history.putLog(shelf, { ...log, entries: part }, `${attempt}${from}`);
    }
  }
  return bytes;
}

/** Writes a base if one is due. It holds all that was read so far, so it is written only once everything was. */
async function withBase(
  deps: FollowDeps,
  cursor: HistoryCursor,
  { isCaughtUp, deadline }: { readonly isCaughtUp: boolean; readonly deadline: number },
): Promise<HistoryCursor> {
  if (!isCaughtUp || !isBaseDue(cursor)) return cursor;
  const { run, epoch, rev } = cursor;
  const name = `${run}.${rev}`;
  const bytes = await writeBase(deps, name, deadline);
  if (bytes === undefined) return cursor;
  const end = deps.world.now();
  await deps.history.putBase({ epoch, run, name, end });
  const since = cursor.since ?? end + SETTLE_MS;
  return { ...cursor, since, baseBytes: bytes, bytes: 0, baseRun: run };
}

function isBaseDue({ since, run, baseRun, bytes, baseBytes }: HistoryCursor): boolean {
  const age = run - baseRun;
  if (since === undefined) return baseRun === 0 || age >= BASE_PAUSE_MS;
  return age >= BASE_EVERY_MS || (bytes > Math.max(MIN_BASE_BYTES, baseBytes) && age >= BASE_PAUSE_MS);
}
