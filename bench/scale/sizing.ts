/** What to set for a fleet: whatever limit makes calls fail is raised, until none does. */
import { type SweepCosts, keepsUp, sweepWeek } from './garbage.ts';
import { FUNCTIONS, LAMBDA, type Settings } from './limits.ts';
import { ANSWERED_MS, type Fleet, LOAD, type Outcome, join, reboot, steady } from './scenarios.ts';
import { ranked } from './tally.ts';

/** A fleet must bear so many times its usual load, and boot within so many ms. */
const PEAK = 3;
export const BOOT_MS = 1_800_000;
/** The share of calls that may fail. */
export const TOLERATED = 0.001;
const MAX_RAISES = 40;
/** Enough that one environment does not stand for too many. */
const TRIAL = { hosts: 1_000, tolerated: TOLERATED } as const;
const JOINING_HOSTS = 1_000;
const FACTOR = 2;
const STEP = 5;
const MIN_SWEEP_EVERY_MS = 60_000;

export interface Sized {
  readonly settings: Settings;
  /** What would have to be raised but cannot be. '': nothing. */
  readonly stuck: string;
}

/** Rounds to whole fives. */
const raised = (value: number): number => Math.ceil((value * FACTOR) / STEP) * STEP;

/** @returns the settings with more of what refused. `undefined`: no setting governs it. */
export function raise(settings: Settings, cause: string): Settings | undefined {
  const name = FUNCTIONS.find((one) => cause.endsWith(`\`${one}\``));
  if (name !== undefined && !cause.startsWith('new environments')) {
    return { ...settings, concurrency: { ...settings.concurrency, [name]: raised(settings.concurrency[name]) } };
  }
  if (cause.startsWith('maximum of the table')) {
    const { writes, reads } = settings.table;
    return { ...settings, table: { writes: raised(writes), reads: raised(reads) } };
  }
  return cause.startsWith('partition space') ? { ...settings, spaces: settings.spaces * 2 } : undefined;
}

/** The usual load at its peak, a boot of all hosts, and a thousand hosts that join one pool. The table has grown with the fleet. */
export async function size(fleetThen: Fleet): Promise<Sized> {
  const fleet = { ...fleetThen, previousPeak: { writes: Infinity, reads: Infinity } };
  const joining = { ...fleet, addresses: 1, hosts: Math.min(fleet.hosts, JOINING_HOSTS) };
  const trials: readonly ((settings: Settings) => Promise<Outcome>)[] = [
    (settings) => steady({ ...fleet, settings, trial: TRIAL }, PEAK),
    (settings) => reboot({ ...fleet, settings, trial: TRIAL }, BOOT_MS, ANSWERED_MS),
    (settings) => join({ ...joining, settings }),
  ];
  let { settings } = fleet;
  for (let raises = 0; raises < MAX_RAISES; raises++) {
    const cause = await firstFailure(trials, settings);
    if (cause === undefined) return { settings, stuck: '' };
    const more = raise(settings, cause);
    if (more === undefined) return { settings, stuck: cause };
    settings = more;
  }
  return { settings, stuck: 'too many limits' };
}

const isOfTable = (limit: string): boolean => /^(partition|index|maximum|growth)/.test(limit);

async function firstFailure(
  trials: readonly ((settings: Settings) => Promise<Outcome>)[],
  settings: Settings,
): Promise<string | undefined> {
  for (const trial of trials) {
    const { tally } = await trial(settings);
    if (tally.failedShare <= TOLERATED) continue;
    // Where the table refuses, calls take longer, and fail by the limits of their functions.
    const cause = ranked(tally.throttles).find(([limit, count]) => isOfTable(limit) && count > TOLERATED * tally.calls);
    return (cause ?? ranked(tally.failures)[0])?.[0];
  }
  return undefined;
}

export interface Schedule {
  readonly everyMs: number;
  readonly megabytes: number;
}

/** The cheapest way in which the sweep keeps up: the longest schedule, and then more memory. `undefined`: neither suffices. */
export function sweepSchedule(fleet: Fleet, costs: SweepCosts): Schedule | undefined {
  const { settings, hosts } = fleet;
  const garbage = { costs, alive: hosts * LOAD.networks, endedADay: hosts * LOAD.networksADay };
  for (const sweepMegabytes of [settings.sweepMegabytes, LAMBDA.processorMegabytes]) {
    for (
      let sweepEveryMs = settings.sweepEveryMs;
      sweepEveryMs >= MIN_SWEEP_EVERY_MS;
      sweepEveryMs -= MIN_SWEEP_EVERY_MS
    ) {
      const week = sweepWeek({ ...garbage, settings: { ...settings, sweepEveryMs, sweepMegabytes } });
      if (keepsUp(week)) return { everyMs: sweepEveryMs, megabytes: sweepMegabytes };
    }
  }
  return undefined;
}
