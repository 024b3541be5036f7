/** An automatic pool: an unused subnet, wherever there is room. */
import {
  type Family,
  type Range,
  cidrRange,
  formatAddress,
  formatCidr,
  rangesOverlap,
} from '../../../protocol/address.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { refNameOf } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import type { SpaceConfig } from '../space.ts';
import { digestBelow, pauseWithJitter } from '../world.ts';
import { candidate, ringOf } from './candidates.ts';
import { createPool } from './create-pool.ts';
import { poolsWithin } from './limits.ts';
import type { Grant, PoolPlan } from './plan.ts';
import { Survey } from './survey.ts';

const REDRAW_PAUSE_MS = 20;
/** The most announcements of one attempt among which a copy of it looks for the confirmed one. */
const MAX_REFS = 16;

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
  const seed = `${call.requestKey} ${call.attempt}`;
  const drawn = digestBelow(deps.world, `draw ${seed}`, ring.count);
  const begin = (): Survey => new Survey(plan.space, ring, drawn, excluded);
  let survey = begin();
  let number = survey.firstClear;
  for (let round = 0; deps.world.now() < call.deadline; round++) {
    if (number === undefined) {
      if (!survey.sawPending) await refuseExhausted(deps, call, survey, avoid);
      survey = begin();
      await pauseWithJitter(deps.world, REDRAW_PAUSE_MS);
    } else {
      const birth = await createPool(deps, call, plan, candidate(ring, number));
      if (birth.kind === 'born') return birth;
      const before = round === 0 ? await grantedBefore(deps, call) : undefined;
      if (before !== undefined) return before;
      if (birth.kind !== 'lost') await survey.note(deps, birth.pool);
    }
    number = await pickGap(deps, call, survey, `${seed} ${round}`);
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

/**
 * One of the next gaps, at random: callers that collided before do not collide in the next gap again.
 *
 * @returns `undefined`: the whole ring has none, or the time is over.
 */
async function pickGap(
  deps: Deps,
  { deadline }: Pick<Call, 'deadline'>,
  survey: Survey,
  seed: string,
): Promise<bigint | undefined> {
  let gaps = survey.gaps();
  while (gaps.length === 0 && !survey.isComplete && deps.world.now() < deadline) {
    await survey.extend(deps);
    gaps = survey.gaps();
  }
  return gaps[Number(digestBelow(deps.world, `gap ${seed}`, BigInt(Math.max(1, gaps.length))))];
}

/** The most pools that an error counts, and the most items that it names. */
const MAX_COUNTED_POOLS = 2_000;
const MAX_NAMED_ITEMS = 3;

/** @throws Refusal always. It counts the pools that the search has met, or, if it read none, those of the space, up to a bound. */
async function refuseExhausted(
  { store, world }: Deps,
  call: Call,
  { space, ring, creators: seen, isComplete }: Survey,
  avoid: readonly Range[],
): Promise<never> {
  const ranges = ring.parts.map(({ range }) => range);
  const creators = isComplete ? [...seen.values()] : [];
  let isAll = true;
  for (const range of isComplete ? [] : ranges) {
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
