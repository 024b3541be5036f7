/** A week of networks that come and go, and the sweep behind them: how much of what has ended is still there. */
import { FIRST_CURSOR } from '../../functions/ipam/sweep-cursor.ts';
import { sweep } from '../../functions/ipam/sweep/sweep.ts';
import { Host, withMac } from '../../test/support/fleet.ts';
import type { Cost } from '../../test/support/meter.ts';
import { withoutFailures } from '../../test/support/whole-sweep.ts';
import { DAY_MS } from '../fleet-count.ts';
import { clearing } from '../growth-fleet.ts';
import { divided, measured, within } from '../growth-setting.ts';
import { ASSUMED, LAMBDA, type Settings } from './limits.ts';

/** For each network: what it takes until all of one that has ended is gone, and what a walk takes for one that lives. */
export interface SweepCosts {
  readonly clear: Cost;
  readonly pass: Cost;
}

/** Containers that each network has. */
const CONTAINERS = 10;
const COUNTED = { ended: 100, alive: 40 } as const;
/** A network is gone after so many walks: its gateway's reservation goes first, its tombstone later (bench/growth-fleet.ts). */
const WALKS = 3;
/** ms between two walks (functions/ipam/sweep/items.ts), and kept back at the end of a run (functions/lambda/fleet-handler.ts). */
const WALK_INTERVAL_MS = 3_600_000;
const MARGIN_MS = 8_000;
/** A walk that takes longer sets off SweepAlarm (infra/monitoring/on.yml). */
const MAX_WALK_MS = 3 * 3_600_000;
const WEEK_DAYS = 7;

/** @param seed of all randomness. */
export async function countSweep(seed: number): Promise<SweepCosts> {
  const [cleared] = await clearing(COUNTED.ended, CONTAINERS)(seed);
  if (cleared === undefined) throw new Error('nothing was cleared');
  return { clear: cleared.cost, pass: await countPass(seed) };
}

const countPass = (seed: number): Promise<Cost> =>
  within(seed, async (at) => {
    const host = new Host(at, 'a');
    await host.register();
    for (let i = 0; i < COUNTED.alive; i++) {
      const net = await host.pool();
      for (let j = 0; j < CONTAINERS; j++) await host.address(net, '', withMac(`02:42:ac:11:00:0${j}`));
    }
    const cursor = { ...FIRST_CURSOR, walkedAt: 0 };
    const cost = await measured(at, () => withoutFailures(sweep(at, { deadline: Infinity, limit: 1_000_000, cursor })));
    return divided(cost, COUNTED.alive);
  });

/** ms of a run of the sweep: its processor, and then what it waits for DynamoDB, as if the two never overlapped. */
function workOf({ requests, roundTrips }: Cost, { sweepMegabytes }: Settings): number {
  const share = Math.min(1, sweepMegabytes / LAMBDA.processorMegabytes);
  return (requests * ASSUMED.processorMs) / share + roundTrips * (ASSUMED.requestMs.least + ASSUMED.requestMs.mean);
}

export interface Garbage {
  readonly settings: Settings;
  readonly costs: SweepCosts;
  /** Networks that live. */
  readonly alive: number;
  readonly endedADay: number;
}

export interface Week {
  /** Ended networks of which something is left, at the end of each day. */
  readonly backlog: readonly number[];
  /** ms of the last walk over all items. */
  readonly walkMs: number;
  readonly writes: number;
  readonly reads: number;
  /** Seconds of the function. */
  readonly seconds: number;
}

/** Runs follow the schedule, or one another where they last longer. */
export function sweepWeek({ settings, costs, alive, endedADay }: Garbage): Week {
  const runMs = settings.sweepTimeoutMs - MARGIN_MS;
  const everyMs = Math.max(settings.sweepEveryMs, settings.sweepTimeoutMs);
  const [clearMs, passMs] = [workOf(costs.clear, settings) / WALKS, workOf(costs.pass, settings)];
  /** Networks by the walks that have passed them. */
  const passed = Array.from({ length: WALKS }, () => 0);
  const week = { backlog: new Array<number>(), walkMs: 0, writes: 0, reads: 0, seconds: 0 };
  let [leftMs, beganAt, walkedAt] = [0, -Infinity, -Infinity];
  let met: number[] | undefined;
  for (let now = 0; now < WEEK_DAYS * DAY_MS; now += everyMs) {
    passed[0] = (passed[0] ?? 0) + (endedADay * everyMs) / DAY_MS;
    week.backlog[Math.floor(now / DAY_MS)] = passed.reduce((sum, one) => sum + one, 0);
    if (met === undefined && now >= walkedAt + WALK_INTERVAL_MS) {
      met = [...passed];
      const found = met.reduce((sum, one) => sum + one, 0);
      leftMs = found * clearMs + alive * passMs;
      beganAt = now;
      week.writes += (found * costs.clear.writeUnits) / WALKS;
      week.reads += (found * costs.clear.readUnits) / WALKS + alive * costs.pass.readUnits;
    }
    if (met === undefined) continue;
    week.seconds += Math.min(leftMs, runMs) / 1_000;
    leftMs -= runMs;
    if (leftMs <= 0) {
      met.forEach((count, walks) => {
        passed[walks] = (passed[walks] ?? 0) - count;
        if (walks + 1 < WALKS) passed[walks + 1] = (passed[walks + 1] ?? 0) + count;
      });
      [met, leftMs, walkedAt] = [undefined, 0, now + runMs];
      week.walkMs = walkedAt - beganAt;
    }
  }
  return { ...week, walkMs: met === undefined ? week.walkMs : Math.max(week.walkMs, WEEK_DAYS * DAY_MS - beganAt) };
}

/** Whether the last walk was short enough for several a day. Behind a sweep that falls behind, each is longer than the one before. */
export const keepsUp = ({ walkMs }: Week): boolean => walkMs <= MAX_WALK_MS;

/** The most networks a day with which the sweep keeps up, to a hundredth. 0: what lives takes all of its time. */
export function mostADay(garbage: Omit<Garbage, 'endedADay'>): number {
  let [low, high] = [1, 100_000_000];
  while (high / low > 1.01) {
    const endedADay = Math.sqrt(low * high);
    if (keepsUp(sweepWeek({ ...garbage, endedADay }))) low = endedADay;
    else high = endedADay;
  }
  return keepsUp(sweepWeek({ ...garbage, endedADay: low })) ? low : 0;
}
