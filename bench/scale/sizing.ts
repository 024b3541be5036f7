/** What to set for a fleet: whatever limit makes calls fail is raised, until none does. */
import { type Garbage, type SweepCosts, keepsUp, sweepWeek } from './garbage.ts';
import { FUNCTIONS, type Settings } from './limits.ts';
import { ANSWERED_MS, type Fleet, LOAD, type Outcome, join, reboot, steady } from './scenarios.ts';
import { ranked } from './tally.ts';

/** A fleet must bear so many times its usual load, and boot within so many ms. */
const PEAK = 3;
export const BOOT_MS = 1_800_000;
/** The share of calls that may fail. */
export const TOLERATED = 0.001;
const MAX_RAISES = 40;
/** Enough that several of the simulated hosts boot at any time. */
const MOST_SIMULATED = 20_000;
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
  if (name !== undefined) {
    return { ...settings, concurrency: { ...settings.concurrency, [name]: raised(settings.concurrency[name]) } };
  }
  if (cause.startsWith('maximum of the table')) {
    const { writes, reads } = settings.table;
    return { ...settings, table: { writes: raised(writes), reads: raised(reads) } };
  }
  return cause.startsWith('partition space') ? { ...settings, spaces: settings.spaces * 2 } : undefined;
}

/** The usual load at its peak, a boot of all hosts, and a thousand hosts that join one pool. */
export async function size(fleet: Fleet): Promise<Sized> {
  const joining = { ...fleet, addresses: 1, hosts: Math.min(fleet.hosts, JOINING_HOSTS) };
  const trials: readonly ((settings: Settings) => Promise<Outcome>)[] = [
    (settings) => steady({ ...fleet, settings }, PEAK),
    (settings) =>
      reboot({ ...fleet, settings, trial: { most: MOST_SIMULATED, tolerated: TOLERATED } }, BOOT_MS, ANSWERED_MS),
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

async function firstFailure(
  trials: readonly ((settings: Settings) => Promise<Outcome>)[],
  settings: Settings,
): Promise<string | undefined> {
  for (const trial of trials) {
    const { tally } = await trial(settings);
    if (tally.failedShare > TOLERATED) return ranked(tally.failures)[0]?.[0];
  }
  return undefined;
}

/** The longest schedule with which the sweep keeps up. `undefined`: there is none. */
export function sweepSchedule(fleet: Fleet, costs: SweepCosts): number | undefined {
  const garbage: Garbage = {
    settings: fleet.settings,
    costs,
    alive: fleet.hosts * LOAD.networks,
    endedADay: fleet.hosts * LOAD.networksADay,
  };
  for (let every = fleet.settings.sweepEveryMs; every >= MIN_SWEEP_EVERY_MS; every -= MIN_SWEEP_EVERY_MS) {
    if (keepsUp(sweepWeek({ ...garbage, settings: { ...fleet.settings, sweepEveryMs: every } }))) return every;
  }
  return undefined;
}
