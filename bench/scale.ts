/**
 * `npm run bench:scale`: simulates fleets on counted requests and published limits, and checks the simulation against the
 * real rules behind a proxy with such limits. Exits with 1 when the two do not agree.
 */
import { Command } from 'commander';
import { wholeNumber, writeFigures } from './document.ts';
import { short, table } from './figures.ts';
import { type Found, executed, simulated } from './scale/check.ts';
import { type SweepCosts, countSweep, mostADay, sweepWeek } from './scale/garbage.ts';
import { FUNCTIONS, LAMBDA, type Settings, deployedSettings } from './scale/limits.ts';
import { PRICES } from './prices.ts';
import { type Fleet, LOAD, type Outcome, comeBack, join, reboot, steady } from './scale/scenarios.ts';
import { BOOT_MS, TOLERATED, size, sweepSchedule } from './scale/sizing.ts';
import { ranked, totalOf } from './scale/tally.ts';
import { type Trace, type Traces, countTraces, functionOf, isOperation } from './scale/traces.ts';

const DOCUMENT = 'docs/scaling.md';
const MONTH_MS = 30 * 86_400_000;

/** Hosts, and addresses of each. */
const FLEETS = [
  [100, 100],
  [1_000, 100],
  [10_000, 100],
  [100_000, 10],
  [100_000, 100],
] as const;
const QUICK_FLEETS = [[100, 10]] as const;
const JOINS = [100, 1_000, 10_000];
/** Where limits are looked for. */
const LADDER = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000];

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const percent = (share: number): string => (share === 0 ? '0' : `${(share * 100).toFixed(share < 0.01 ? 2 : 0)} %`);
const seconds = (milliseconds: number): string => short(milliseconds / 1_000);

interface Scenario {
  readonly what: string;
  readonly run: (fleet: Fleet) => Promise<Outcome>;
  /** Its dollars are those of a month, not of one event. */
  readonly isLasting?: boolean;
}

const SCENARIOS: readonly Scenario[] = [
  { what: 'a usual day', run: (fleet) => steady(fleet), isLasting: true },
  { what: 'all hosts boot', run: (fleet) => reboot(fleet) },
  { what: 'a Region returns', run: comeBack },
];
const JOIN: Scenario = { what: 'all join one pool', run: join };

const causes = (counts: ReadonlyMap<string, number>, weight: number, most: number): string =>
  ranked(counts)
    .slice(0, most)
    .map(([cause, count]) => `${cause}: ${whole(count * weight)}`)
    .join('; ');

function row({ what, isLasting = false }: Scenario, { hosts, addresses }: Fleet, outcome: Outcome): string[] {
  const { tally, weight, offeredMs, servedMs } = outcome;
  const { p50, p99, most } = tally.latencies();
  const dollars = tally.dollars(weight) * (isLasting ? MONTH_MS / offeredMs : 1);
  return [
    what,
    whole(hosts),
    whole(hosts * addresses),
    short((tally.wanted * weight * 1_000) / offeredMs),
    short((tally.took.length * weight * 1_000) / Math.max(1, servedMs)),
    ...[p50, p99, most].map(seconds),
    `${whole(totalOf(tally.failures) * weight)} (${percent(tally.failedShare)})`,
    causes(tally.throttles, weight, 2),
    tally.registeredAt === 0 ? '' : seconds(tally.registeredAt),
    isLasting || tally.delivered === 0 ? '' : `${whole(tally.delivered * weight)} by ${seconds(tally.deliveredAt)} s`,
    `${dollars.toFixed(2)}${isLasting ? ' a month' : ''}`,
  ];
}

const ROW = [
  'what happens',
  'hosts',
  'addresses',
  'allocations offered a second',
  'served a second',
  'p50 s',
  'p99 s',
  'most s',
];
const REST = ['failed calls', 'throttled attempts, by limit', 'last registration s', 'releases delivered', '$'];

async function scenarioTable(fleets: readonly Fleet[], joins: readonly Fleet[]): Promise<string> {
  const rows: string[][] = [];
  const note = async (scenario: Scenario, fleet: Fleet): Promise<void> => {
    rows.push(row(scenario, fleet, await scenario.run(fleet)));
    console.error(rows.at(-1)?.join('  '));
  };
  for (const scenario of SCENARIOS) for (const fleet of fleets) await note(scenario, fleet);
  for (const fleet of joins) await note(JOIN, fleet);
  return table([...ROW, ...REST], rows);
}

/** The first size at which calls fail, and the limit that makes most of them fail. */
async function breakTable(fleet: Fleet, sizes: readonly number[]): Promise<string> {
  const rows: string[][] = [];
  for (const { what, run } of [...SCENARIOS, JOIN]) {
    let found = [what, `none up to ${whole(sizes.at(-1) ?? 0)}`, '', ''];
    for (const hosts of sizes) {
      const { tally } = await run({ ...fleet, hosts });
      if (tally.failedShare <= TOLERATED) continue;
      found = [what, whole(hosts), percent(tally.failedShare), ranked(tally.failures)[0]?.[0] ?? ''];
      break;
    }
    rows.push(found);
    console.error(found.join('  '));
  }
  return table(['what happens', 'calls fail from hosts', 'of the calls', 'limit'], rows);
}

function weekTable(settings: Settings, costs: SweepCosts, sizes: readonly number[]): string {
  const rows = sizes.map((hosts) => {
    const alive = hosts * LOAD.networks;
    const week = sweepWeek({ settings, costs, alive, endedADay: hosts * LOAD.networksADay });
    const { writeUnits, readUnits } = PRICES.dynamo;
    const time = (week.seconds * settings.sweepMegabytes * PRICES.lambda.gigabyteSecond) / 1_024;
    const dollars = (week.writes * writeUnits + week.reads * readUnits) / 1_000_000 + time;
    const days = [0, 1, 3, 6].map((day) => whole(week.backlog[day] ?? NaN));
    const most = mostADay({ settings, costs, alive });
    return [
      whole(hosts),
      whole(hosts * LOAD.networksADay),
      ...days,
      short(week.walkMs / 3_600_000),
      whole(most),
      dollars.toFixed(2),
    ];
  });
  const days = [1, 2, 4, 7].map((day) => `left after day ${day}`);
  return table(['hosts', 'networks a day', ...days, 'last walk, hours', 'most networks a day', '$ a week'], rows);
}

async function settingsTable(fleets: readonly Fleet[], costs: SweepCosts): Promise<string> {
  const rows: string[][] = [];
  for (const fleet of fleets) {
    const { settings, stuck } = await size(fleet);
    const { concurrency, table: most, spaces, megabytes, timeoutMs, sweepTimeoutMs } = settings;
    const schedule = sweepSchedule(fleet, costs);
    const total = FUNCTIONS.reduce((sum, name) => sum + concurrency[name], 0);
    rows.push([
      whole(fleet.hosts),
      whole(fleet.hosts * fleet.addresses),
      ...[...FUNCTIONS.map((name) => concurrency[name]), total, most.writes, most.reads, spaces].map(whole),
      schedule === undefined ? 'none suffices' : `${schedule.everyMs / 60_000} min`,
      `${megabytes} / ${schedule?.megabytes ?? LAMBDA.processorMegabytes}`,
      `${timeoutMs / 1_000} / ${sweepTimeoutMs / 1_000}`,
      stuck,
    ]);
    console.error(rows.at(-1)?.join('  '));
  }
  const head = [
    'hosts',
    'addresses',
    ...FUNCTIONS.map((name) => `\`${name}\``),
    'all',
    'table: writes',
    'reads',
    'spaces',
    'sweep every',
  ];
  return table([...head, 'MB / of the sweep', 'time-out s / of the sweep', 'limit that no setting raises'], rows);
}

function traceTable(traces: Traces): string {
  const rows = Object.entries(traces).map(([name, trace]: [string, Trace]) => {
    const steps = trace.flat();
    const units = (isWrite: boolean): number =>
      steps.reduce((sum, step) => sum + (step.isWrite === isWrite ? step.units + step.indexUnits : 0), 0);
    const places = [...new Set(steps.map(({ place }) => place))].join(', ');
    const called = isOperation(name) ? functionOf(name) : 'all but two';
    return [name, called, ...[steps.length, trace.length, units(true), units(false)].map(short), places];
  });
  return table(
    ['operation', 'function', 'requests', 'round trips', 'write units', 'read units', 'partitions of'],
    rows,
  );
}

interface Options {
  readonly quick: boolean;
  readonly write: boolean;
  readonly check: boolean;
  readonly seed: number;
}

async function figures(traces: Traces, settings: Settings, { quick, seed }: Options): Promise<string> {
  const costs = await countSweep(seed);
  const fleetOf = (hosts: number, addresses: number): Fleet => ({
    ...{ traces, settings, seed, hosts, addresses },
    previousPeak: { writes: 0, reads: 0 },
  });
  const fleets = (quick ? QUICK_FLEETS : FLEETS).map(([hosts, addresses]) => fleetOf(hosts, addresses));
  const joins = (quick ? [100] : JOINS).map((hosts) => fleetOf(hosts, 1));
  const sizes = quick ? [100] : LADDER;
  return [
    `Simulated on counts of the embedded engine (seed ${seed}), with the settings of infra/concurrency/on.yml. Counted:`,
    traceTable(traces),
    'What happens to fleets:',
    await scenarioTable(fleets, joins),
    'What breaks first:',
    await breakTable(fleetOf(100, quick ? 10 : 100), sizes),
    `A week with ${LOAD.networks} networks alive on each host and ${LOAD.networksADay} that come and go a day:`,
    weekTable(settings, costs, quick ? [100] : [100, 1_000, 10_000, 20_000, 100_000]),
    `What to set, so that nothing fails at three times the usual load, nor when all hosts boot within ${BOOT_MS / 60_000} min, ` +
      'nor when a thousand join one pool:',
    await settingsTable(fleets, costs),
  ].join('\n\n');
}

/** The most by which either may grant more addresses than the other, as a factor. */
const AGREEMENT = 1.5;
const UNLIMITED = 0.01;
/** ms in which the machine shows what it can do, and the share of that which the limits let through. */
const TRIAL_MS = 2_000;
const SHARE = 0.25;
/** With a smaller part of the limits, too little would happen to be compared. */
const MAX_DIVISOR = 800;

interface Checked {
  readonly text: string;
  /** `undefined`: the machine was too busy to tell. */
  readonly agrees: boolean | undefined;
}

async function check(traces: Traces, settings: Settings, { quick, seed }: Options): Promise<Checked> {
  const scope = { hosts: quick ? 8 : 20, milliseconds: quick ? 6_000 : 25_000, seed };
  const unlimited = { ...scope, divisor: UNLIMITED, milliseconds: TRIAL_MS };
  // The first time, Node.js compiles what it runs.
  await executed(settings, unlimited);
  const trial = await executed(settings, unlimited);
  const possible = (trial.addresses * 1_000) / TRIAL_MS;
  // An address is one write, and its release another.
  const least = settings.table.writes / 2 / (possible * SHARE);
  const divisor = Math.max(quick ? 100 : 20, Math.ceil(least));
  if (divisor > MAX_DIVISOR) {
    return {
      text: `This machine is too busy for the check: ${short(possible)} addresses a second.`,
      agrees: undefined,
    };
  }
  const found = {
    simulated: await simulated(traces, settings, { ...scope, divisor }),
    executed: await executed(settings, { ...scope, divisor }),
  };
  const cells = (name: string, { joins, addresses, throttles, p50, p99 }: Found): string[] => [
    name,
    ...[joins, addresses, (addresses * 1_000) / scope.milliseconds, throttles, p50 / 1_000, p99 / 1_000].map(short),
  ];
  const ratio = found.simulated.addresses / Math.max(1, found.executed.addresses);
  const agrees = ratio <= AGREEMENT && ratio >= 1 / AGREEMENT;
  const text = [
    `${scope.hosts} hosts join a pool and take addresses for ${scope.milliseconds / 1_000} s, with 1/${divisor} of DynamoDB's limits.`,
    table(
      ['way', 'joined', 'addresses', 'a second', 'throttled', 'p50 s', 'p99 s'],
      Object.entries(found).map(([name, one]) => cells(name, one)),
    ),
    `Addresses, simulated to executed: ${short(ratio)}; at most ${AGREEMENT} either way ${agrees ? '✓' : '✗ MISSED'}`,
  ].join('\n\n');
  return { text, agrees };
}

async function main(options: Options): Promise<void> {
  const settings = deployedSettings();
  const traces = await countTraces(options.seed);
  const text = await figures(traces, settings, options);
  console.log(text);
  if (options.write) await writeFigures('scale', text, DOCUMENT);
  if (!options.check) return;
  const checked = await check(traces, settings, options);
  console.log(`\n${checked.text}`);
  if (options.write && checked.agrees !== undefined) await writeFigures('scale-check', checked.text, DOCUMENT);
  if (checked.agrees === false) process.exitCode = 1;
}

const command = new Command('bench:scale')
  .description('Simulates fleets on counted requests and published limits, and checks that against the real rules.')
  .option('--quick', 'a small scope', false)
  .option('--write', `put the tables into ${DOCUMENT}`, false)
  .option('--no-check', 'only simulate')
  .option('--seed <number>', 'of all chance', wholeNumber, 1)
  .parse();
await main(command.opts<Options>());
