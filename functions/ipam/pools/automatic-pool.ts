/** An automatic pool: an unused subnet, wherever there is room. */
import { type Family, type Range, cidrRange, formatAddress, formatCidr, rangesOverlap } from '../address.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { type Pool, hasExpired } from '../pool.ts';
import { RangeSet } from '../range-set.ts';
import { refNameOf } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import type { SpaceConfig } from '../space.ts';
import { digestBelow, pauseWithJitter } from '../world.ts';
import { type Ring, candidate, firstClear, partAt, ringOf } from './candidates.ts';
import { createPool } from './create-pool.ts';
import { poolsWithin } from './limits.ts';
import type { Grant, PoolPlan } from './plan.ts';

/** The number of gaps that callers that collided choose from. */
const MAX_GAPS = 16;
const REDRAW_PAUSE_MS = 20;
/** The most announcements of one attempt among which a copy of it looks for the confirmed one. */
const MAX_REFS = 16;

/** A search for room, and what it has learnt. These are only hints: the announcement decides. */
interface Survey {
  readonly space: string;
  readonly ring: Ring;
  taken: RangeSet;
  /** The host that created each pool seen, by generation. */
  readonly creators: Map<string, string>;
  /** The search met an announcement, which may be withdrawn. */
  sawPending: boolean;
}

export interface AutomaticWish {
  readonly config: SpaceConfig;
  readonly family: Family;
  /** The host's own routes and name servers. */
  readonly avoid: readonly Range[];
}

/**
 * Draws subnets until one is confirmed. Concurrent callers spread over the space, since each draws by its own request key.
 * A repeated attempt draws differently, since the previous one may still be under way. (Docker repeats a request to get a
 * different pool; that is another call.)
 *
 * @throws Refusal `no-pool-left` when the space has no room.
 */
export async function createAutomaticPool(
  deps: Deps,
  call: Call,
  plan: PoolPlan,
  { config, family, avoid }: AutomaticWish,
): Promise<Grant> {
  const size = plan.size ?? config.size[family];
  const ring = ringOf(
    config.ranges.filter((range) => range.family === family),
    size,
  );
  if (ring.count === 0n)
    throw new Refusal('no-pool-left', `space ${plan.space} has no IPv${family} range for a /${size}`);
  const excluded = [...avoid, ...config.excluded.map(cidrRange)].filter((range) => range.family === family);
  const { space } = plan;
  const survey: Survey = { space, ring, taken: new RangeSet(excluded), creators: new Map(), sawPending: false };
  const seed = `${call.requestKey} ${call.attempt}`;
  let from = digestBelow(deps.world, `draw ${seed}`, ring.count);
  for (let round = 0; deps.world.now() < call.deadline; round++) {
    const number = firstClear(ring, from, survey.taken);
    if (number === undefined) {
      if (!survey.sawPending) await refuseExhausted(deps, call, survey, avoid);
      survey.taken = new RangeSet(excluded);
      survey.sawPending = false;
      await pauseWithJitter(deps.world, REDRAW_PAUSE_MS);
      continue;
    }
    const cidr = candidate(ring, number);
    const birth = await createPool(deps, call, plan, cidr);
    if (birth.kind === 'born') return birth;
    const before = round === 0 ? await grantedBefore(deps, call) : undefined;
    if (before !== undefined) return before;
    if (birth.kind !== 'lost') {
      await note(deps, survey, birth.pool);
      await surveyFrom(deps, survey, number);
    }
    from = pickGap(deps, survey, number, `${seed} ${round}`);
  }
  throw new Refusal(
    'busy',
    `no free pool was found in time in space ${plan.space}, since others kept taking them; try again`,
  );
}

/**
 * What this attempt was granted before, if this is a copy of it, which draws the same subnet first. The index lags a
 * little: a copy that arrives at once may get its own network.
 */
async function grantedBefore({ store, world }: Deps, call: Call): Promise<Grant | undefined> {
  const names = Array.from({ length: MAX_REFS }, (_, number) => refNameOf(world, call, number));
  for (const { generation, name } of await store.refsOfCall(call.hostId, call.requestKey)) {
    const ref = names.includes(name) ? await store.readRef(generation, name) : undefined;
    const pool = ref?.state === 'live' ? await store.readPool(ref.space, ref.cidr) : undefined;
    if (ref !== undefined && pool?.generation === generation && pool.state === 'confirmed') return { pool, ref };
  }
  return undefined;
}

/** Records a pool as taken, or removes it if it is an abandoned announcement. */
async function note({ store, world }: Deps, survey: Survey, pool: Pool): Promise<void> {
  if (hasExpired(pool, world.now())) {
    await store.removePool(pool);
    return;
  }
  survey.taken.add(cidrRange(pool.cidr));
  survey.creators.set(pool.generation, pool.createdBy);
  survey.sawPending ||= pool.state === 'pending';
}

/** Reads the pools that follow a candidate: a small page the first time, later another full page if there are more. */
async function surveyFrom(deps: Deps, survey: Survey, number: bigint): Promise<void> {
  const { space, ring } = survey;
  const rest = { ...cidrRange(partAt(ring, number).range), first: candidate(ring, number).first };
  const isFirst = survey.creators.size <= 1;
  const few = await deps.store.poolsStartingIn(space, rest);
  const more = few.more && !isFirst ? await deps.store.poolsStartingIn(space, rest, few.items.at(-1)?.cidr) : undefined;
  for (const pool of [...few.items, ...(more?.items ?? [])]) await note(deps, survey, pool);
}

/** One of the next gaps, at random: callers that collided before do not collide in the next gap again. */
function pickGap(deps: Deps, { ring, taken }: Survey, number: bigint, seed: string): bigint {
  const gaps: bigint[] = [];
  for (let at = number; gaps.length < MAX_GAPS;) {
    const gap = firstClear(ring, at, taken);
    if (gap === undefined || gap >= number + ring.count) break;
    gaps.push(gap);
    at = gap + 1n;
  }
  return gaps[Number(digestBelow(deps.world, `gap ${seed}`, BigInt(Math.max(1, gaps.length))))] ?? number;
}

/** The most pools that an error counts, and the most items that it names. */
const MAX_COUNTED_POOLS = 2_000;
const MAX_NAMED_ITEMS = 3;

/** @throws Refusal always. The search has met only some of the pools, so this counts all of them, up to a bound. */
async function refuseExhausted(
  { store, world }: Deps,
  call: Call,
  { space, ring }: Survey,
  avoid: readonly Range[],
): Promise<never> {
  const ranges = ring.parts.map(({ range }) => range);
  const creators: string[] = [];
  let isAll = true;
  for (const range of ranges) {
    for await (const pool of poolsWithin(store, space, range)) {
      isAll &&= creators.length < MAX_COUNTED_POOLS && world.now() < call.deadline;
      if (!isAll) break;
      creators.push(pool.createdBy);
    }
  }
  const most = [...Map.groupBy(creators, (host) => host)]
    .map(([host, pools]) => ({ host, count: pools.length }))
    .sort((a, b) => b.count - a.count)
    .slice(0, MAX_NAMED_ITEMS)
    .map(({ host, count }) => `${count} by ${host}`);
  const held =
    creators.length === 0
      ? ''
      : ` (${creators.length}${isAll ? '' : ' or more'} pools held, created ${most.join(', ')})`;
  const reached = avoid
    .filter((route) => ranges.some((range) => rangesOverlap(cidrRange(range), route)))
    .map(rangeText);
  const routes = reached.length === 0 ? '' : ` (${listed(reached)})`;
  throw new Refusal(
    'no-pool-left',
    `all predefined address pools have been fully subnetted: no /${ring.size} is free in ` +
      `${ranges.map(formatCidr).join(', ')} of space ${space}, ` +
      `outside what the space excludes and this host's own routes${routes}${held}; ` +
      'remove unused networks (docker network prune), choose a longer prefix (--ipam-opt berth.size) ' +
      'or give the space more ranges',
  );
}

const listed = (names: readonly string[]): string =>
  names.slice(0, MAX_NAMED_ITEMS).join(', ') + (names.length > MAX_NAMED_ITEMS ? ' and more' : '');

function rangeText({ family, first, last }: Range): string {
  const from = formatAddress({ family, value: first });
  return first === last ? from : `${from} to ${formatAddress({ family, value: last })}`;
}
