/** An automatic pool: an unused subnet, wherever there is room. */
import type { Family, Range } from '../../../protocol/address.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { RangeSet } from '../range-set.ts';
import { refNameOf } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import type { SpaceConfig } from '../space.ts';
import { digestBelow, pauseWithJitter } from '../world.ts';
import { candidate, ringOf } from './candidates.ts';
import { createPool } from './create-pool.ts';
import { refuseExhausted } from './full-space.ts';
import type { PoolDeps } from './memory.ts';
import type { Grant, PoolPlan } from './plan.ts';
import type { Area, Survey } from './survey.ts';

/** ms between two looks at the announcements that take the last gaps: doubled each time, up to a bound. */
const RECHECK_PAUSE_MS = 20;
const MAX_RECHECK_PAUSE_MS = 1_000;
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
 * A survey that left a host no gap stays in the process: while it is fresh, a refusal rests on it, and a request that finds
 * it incomplete goes on with it. It may know of a gap that this host has and that one had not, since the routes of hosts
 * differ.
 *
 * A copy of this attempt finds what it was granted, since all draw the same subnet first, in any process. A survey that
 * stayed may pass over that one as taken, so with such a survey the request looks for an earlier delivery before it draws.
 *
 * @throws Refusal `no-pool-left` when the space has no room, `busy` when that remained unclear until the deadline.
 */
export async function createAutomaticPool(
  deps: PoolDeps,
  call: Call,
  plan: PoolPlan,
  { config, family, avoid }: AutomaticWish,
): Promise<Grant> {
  const area = areaOf(plan, config, family);
  const { ring } = area;
  const { surveys } = deps.memory;
  const seed = `${call.requestKey} ${call.attempt}`;
  const drawn = digestBelow(deps.world, `draw ${seed}`, ring.count);
  const own = new RangeSet(avoid.filter((range) => range.family === family));
  const begin = (): Survey => surveys.begin(area, drawn, deps.world.now());
  const recalled = surveys.take(area, deps.world.now());
  if (recalled !== undefined) {
    const before = await grantedBefore(deps, call);
    if (before !== undefined) {
      surveys.keep(recalled);
      return before;
    }
  }
  let survey = recalled ?? begin();
  let number = survey.firstClear(own, drawn);
  let pause = RECHECK_PAUSE_MS;
  for (let round = 0; deps.world.now() < call.deadline; round++) {
    const birth = number === undefined ? undefined : await createPool(deps, call, plan, candidate(ring, number));
    if (birth?.kind === 'born') return birth;
    const before = round === 0 && recalled === undefined ? await grantedBefore(deps, call) : undefined;
    if (before !== undefined) return before;
    if (birth !== undefined) {
      if (birth.kind !== 'lost') await survey.note(deps, birth.pool);
    } else if (survey.firstClear(own) !== undefined) {
      // There was no time to read the rest.
      break;
    } else if (!survey.isFresh(deps.world.now())) {
      survey = begin();
    } else if (survey.hasPending) {
      await pauseWithJitter(deps.world, pause);
      pause = Math.min(2 * pause, MAX_RECHECK_PAUSE_MS);
      await survey.recheck(deps);
    } else {
      surveys.keep(survey);
      await refuseExhausted(deps, call, survey, { avoid, isRecalled: survey === recalled });
    }
    number = await pickGap(deps, call, { survey, own, seed: `${seed} ${round}` });
  }
  const isFull = number === undefined;
  const isKept = isFull && surveys.keep(survey);
  throw unclear(survey, { isFull, msKept: isKept ? survey.freshFor(deps.world.now()) : 0 });
}

/** @throws Refusal when no range of the space is that wide. */
function areaOf(
  { space, size: asked }: PoolPlan,
  { ranges, size: sizes, excluded }: SpaceConfig,
  family: Family,
): Area {
  const size = asked ?? sizes[family];
  const ring = ringOf(
    ranges.filter((range) => range.family === family),
    size,
  );
  if (ring.count === 0n) throw new Refusal('no-pool-left', `space ${space} has no IPv${family} range for a /${size}`);
  return { space, ring, excluded: excluded.filter((range) => range.family === family) };
}

/**
 * What this attempt was granted before, if this is a copy of it. The index lags a little: a copy that arrives at once may
 * get its own network.
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
 * @param search `own`: what the host reaches by its own routes.
 * @returns `undefined`: the whole ring has none, or the time is over.
 */
async function pickGap(
  deps: Deps,
  { deadline }: Pick<Call, 'deadline'>,
  { survey, own, seed }: { readonly survey: Survey; readonly own: RangeSet; readonly seed: string },
): Promise<bigint | undefined> {
  let gaps = survey.gaps(own);
  while (gaps.length === 0 && !survey.isComplete && survey.hasTime(deps, deadline)) {
    await survey.extend(deps, deadline);
    gaps = survey.gaps(own);
  }
  return gaps[Number(digestBelow(deps.world, `gap ${seed}`, BigInt(Math.max(1, gaps.length))))];
}

/**
 * @param end `isFull`: the host can have nothing of what is known so far. `msKept`: for how long a request that reaches this
 * process may go on with the survey.
 */
function unclear(
  { area, known, isComplete }: Survey,
  { isFull, msKept }: { readonly isFull: boolean; readonly msKept: number },
): Refusal {
  const { space, ring } = area;
  const seconds = Math.floor(msKept / 1_000);
  const goesOn = seconds > 0 ? `: for ${seconds} s, the process that answered can go on with the others` : '';
  const why =
    isFull && !isComplete && known > 0n
      ? `none of the ${known} subnets that were read is free for this host, of ${ring.count}; try again${goesOn}`
      : 'since others kept taking them; try again';
  return new Refusal('busy', `no free pool was found in time in space ${space}, ${why}`);
}
