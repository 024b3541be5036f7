/** Who had an address at a time: every answer is what the table said then, or "not known". */
import { type Address, type Cidr, cidrRange, rangeContains } from '../../../protocol/address.ts';
import { sequenceOf } from '../../../protocol/request-key.ts';
import { placeOf } from '../chunk.ts';
import { decodeSlot } from '../slot.ts';
import type { World } from '../world.ts';
import { type Entry, type PoolEntry, type PoolState, type SlotEntry, checkOf, poolCheck, poolName } from './entry.ts';
import { SETTLE_MS } from './follow.ts';
import { COMMON, POOLS, shelfOfGeneration } from './shelf.ts';
import type { Base, Epoch, HistoryStore } from './store.ts';
import { type Span, spansAt, spansOf } from './timeline.ts';

export interface HistoryDeps {
  readonly world: World;
  readonly history: HistoryStore;
}

export interface PastState {
  /** `undefined`: no pool of the space contained the address. */
  readonly pool: Cidr | undefined;
  readonly state: 'leased' | 'reserved' | 'resting' | 'free' | 'no-pool';
  readonly host: string;
  readonly mac: string;
  readonly endpoint: string;
  /** ms: when it was asked for, by the clock of the host, or released. */
  readonly since: number | undefined;
}

export type Past =
  /** More than one state: it changed within that second. */
  | { readonly isKnown: true; readonly states: readonly PastState[] }
  | {
      readonly isKnown: false;
      /** ms: the earliest time after the one that was asked about of which history knows all. `undefined`: none yet. */
      readonly since: number | undefined;
      /** ms: the last time of which it does. `undefined`: none. */
      readonly until: number | undefined;
    };

/** @param second since the epoch. */
export async function whoHadAddress(
  deps: HistoryDeps,
  { space, address, second }: { readonly space: string; readonly address: Address; readonly second: number },
): Promise<Past> {
  const epochs = await knownEpochs(deps.history);
  const epoch = epochs.find(({ since, until }) => since <= second * 1_000 && (second + 1) * 1_000 <= until);
  const base = epoch && (await deps.history.baseBefore(epoch.epoch, second * 1_000 - SETTLE_MS));
  if (base === undefined) return notKnown(epochs, second);
  const pools = await poolsAt(deps, base, { space, address, second });
  if (pools === undefined) return notKnown(epochs, second);
  const states: PastState[] = pools.some((pool) => pool === undefined) ? [NO_POOL] : [];
  for (const pool of pools) {
    if (pool === undefined) continue;
    const found = await statesIn(deps, base, { ...pool, address, second });
    if (found === undefined) return notKnown(epochs, second);
    states.push(...found);
  }
  return { isKnown: true, states };
}

const NOBODY = { host: '', mac: '', endpoint: '', since: undefined };
const NO_POOL: PastState = { ...NOBODY, pool: undefined, state: 'no-pool' };

interface KnownEpoch extends Epoch {
  readonly since: number;
}

/** The epochs that have a base, newest first. */
export async function knownEpochs(history: HistoryStore): Promise<KnownEpoch[]> {
  const [cursor, closed] = await Promise.all([history.readCursor(), history.epochs()]);
  return [...(cursor === undefined ? [] : [cursor]), ...closed].flatMap(({ epoch, since, until }) =>
    since === undefined || since > until ? [] : [{ epoch, since, until }],
  );
}

function notKnown(epochs: readonly KnownEpoch[], second: number): Past {
  const later = epochs.map(({ since }) => since).filter((since) => since > second * 1_000);
  const since = later.length === 0 ? undefined : Math.min(...later);
  return { isKnown: false, since, until: epochs[0]?.until };
}

interface KnownPool {
  readonly cidr: Cidr;
  readonly pool: PoolState;
}

/**
 * The pools that contained an address at a time, `undefined` among them if there may have been none. Confirmed pools are
 * disjoint, so there is more than one only where one followed another within the second.
 *
 * @returns `undefined`: not known.
 */
async function poolsAt(
  deps: HistoryDeps,
  base: Base,
  { space, address, second }: { readonly space: string; readonly address: Address; readonly second: number },
): Promise<(KnownPool | undefined)[] | undefined> {
  const isMeant = (entry: Entry): entry is PoolEntry =>
    entry.kind === 'pool' && entry.space === space && rangeContains(cidrRange(entry.cidr), address);
  const { before, after } = await read(deps.history, base, { shelf: POOLS, second }, isMeant);
  const found: KnownPool[] = [];
  let isAlwaysThere = false;
  const names = new Map([...before, ...after].map(({ cidr }) => [poolName(space, cidr), cidr]));
  for (const [name, cidr] of names) {
    const ofPool = (entry: PoolEntry): boolean => poolName(space, entry.cidr) === name;
    const spans = spansAt(spansOf(before.find(ofPool)?.now, after.filter(ofPool), poolCheck), second);
    if (spans.some(({ isKnown }) => !isKnown)) return undefined;
    const standing = spans.flatMap(({ value }) => (isStanding(value) ? [{ cidr, pool: value }] : []));
    isAlwaysThere ||= standing.length > 0 && standing.length === spans.length;
    found.push(...onceByGeneration(standing));
  }
  return isAlwaysThere ? found : [...found, undefined];
}

/** One that is being created may be withdrawn. */
const isStanding = (pool: PoolState | undefined): pool is PoolState => pool !== undefined && pool.state !== 'pending';

const onceByGeneration = (pools: readonly KnownPool[]): KnownPool[] => [
  ...new Map(pools.map((each) => [each.pool.generation, each])).values(),
];

/** @returns `undefined`: not known. */
async function statesIn(
  deps: HistoryDeps,
  base: Base,
  { cidr, pool, address, second }: KnownPool & { readonly address: Address; readonly second: number },
): Promise<PastState[] | undefined> {
  const { world, history } = deps;
  const { generation } = pool;
  const { chunk, slot } = placeOf(generation, cidr, address);
  const hosts = new Map<string, string>();
  const isMeant = (entry: Entry): entry is SlotEntry => {
    if (entry.kind === 'ref' && entry.generation === generation) hosts.set(entry.name, entry.host);
    return entry.kind === 'slot' && entry.generation === generation && entry.chunk === chunk && entry.slot === slot;
  };
  const shelf = shelfOfGeneration(world, generation);
  const { before, after } = await read(history, base, { shelf, second }, isMeant);
  const spans = spansAt(
    spansOf(before[0]?.now, after, (value) => checkOf(world, value)),
    second,
  );
  if (spans.some(({ isKnown }) => !isKnown)) return undefined;
  return spans.flatMap((span) => statesOf(span, { cidr, pool, hosts, second }));
}

interface Around {
  readonly cidr: Cidr;
  readonly pool: PoolState;
  readonly hosts: ReadonlyMap<string, string>;
  readonly second: number;
}

function statesOf({ value }: Span<string | undefined>, { cidr, pool, hosts, second }: Around): PastState[] {
  const nobody = { ...NOBODY, pool: cidr };
  const free: PastState = { ...nobody, state: 'free' };
  const slot = decodeSlot(value);
  if (slot === undefined) return [free];
  if (slot.kind === 'free') {
    const rested = slot.releasedAt + pool.cooldown;
    const resting: PastState = { ...nobody, state: 'resting', since: slot.releasedAt };
    const isBefore = second * 1_000 < rested;
    return rested >= (second + 1) * 1_000 ? [resting] : isBefore ? [resting, free] : [free];
  }
  const host = hosts.get(slot.ref) ?? '';
  if (slot.kind === 'reserved') return [{ ...nobody, state: 'reserved', host, since: timeOf(slot.sequence) }];
  const { mac, name: endpoint, requestKey } = slot;
  return [{ pool: cidr, state: 'leased', host, mac, endpoint, since: timeOf(sequenceOf(requestKey)) }];
}

const timeOf = (sequence: string): number | undefined => parseInt(sequence, 36) || undefined;

/** What a base says of an item, and the entries that follow it, up to a time at least. */
async function read<Kind extends Entry>(
  history: HistoryStore,
  base: Base,
  { shelf, second }: { readonly shelf: string; readonly second: number },
  isMeant: (entry: Entry) => entry is Kind,
): Promise<{ before: Kind[]; after: Kind[] }> {
  const [before, ...after] = await Promise.all([
    partsOf(history, base, shelf, isMeant),
    ...[shelf, COMMON].map((each) => logsOf(history, base, { shelf: each, second }, isMeant)),
  ]);
  return { before, after: after.flat() };
}

async function partsOf<Kind extends Entry>(
  history: HistoryStore,
  { name }: Base,
  shelf: string,
  isMeant: (entry: Entry) => entry is Kind,
): Promise<Kind[]> {
  const found: Kind[] = [];
  for await (const entries of history.parts(name, shelf)) found.push(...entries.filter(isMeant));
  return found;
}

async function logsOf<Kind extends Entry>(
  history: HistoryStore,
  { epoch, run }: Base,
  { shelf, second }: { readonly shelf: string; readonly second: number },
  isMeant: (entry: Entry) => entry is Kind,
): Promise<Kind[]> {
  const found: Kind[] = [];
  for await (const log of history.logs(shelf, run)) {
    if (log.epoch !== epoch) continue;
    found.push(...log.entries.filter(isMeant));
    // Everything up to the time was read before this run.
    if (log.before >= (second + 1) * 1_000) break;
  }
  return found;
}
