/** `npm run bench:fleet-cost`: what hosts cost that do nothing but live, in capacity units a day. Nothing is timed. */
import { Command } from 'commander';
import { HEARTBEAT } from '../../functions/ipam/host.ts';
import { registerHost } from '../../functions/ipam/host-life.ts';
import { FIRST_CURSOR } from '../../functions/ipam/sweep-report.ts';
import { type SweepCursor, sweep } from '../../functions/ipam/sweep.ts';
import { Host, withMac } from '../support/fleet.ts';
import { wholeNumber, writeFigures } from './document.ts';
import { atMost, short, table } from './figures.ts';
import { type Setting, setting } from './setting.ts';

/** A shard of hosts is read in whole units: the fewer it holds, the coarser the figures. */
const SIZES = [400, 1_200] as const;
const QUICK_SIZES = [8, 16] as const;
/** As in functions/sweep.ts. */
const LIMIT = 20_000;
/** What each host holds: one network of its own, with so many containers. */
const CONTAINERS = 4;

const FLEETS = [1_000, 10_000];
const MINUTE = 60_000;
const DAY = 86_400_000;
/** ms */
const HEARTBEATS = [5 * MINUTE, HEARTBEAT, 20 * MINUTE];
const SWEEPS = [MINUTE, 5 * MINUTE, 15 * MINUTE];
const WALKS = [60 * MINUTE, DAY];

/** Dollars for a million units, on demand, in us-east-1 since November 2024. */
const PRICE = { write: 0.625, read: 0.125 };
const DAYS_OF_MONTH = 30;

interface Units {
  readonly writes: number;
  readonly reads: number;
}

/** What something costs whatever the size of the fleet, and for each host. */
interface Line {
  readonly fixed: Units;
  readonly perHost: Units;
}

interface Counted {
  readonly heartbeat: Units;
  readonly hosts: Units;
  readonly walk: Units;
}

async function measured(at: Setting, operation: () => Promise<unknown>): Promise<Units> {
  const { outcome, cost } = await at.meter.measure(operation);
  if (outcome.status === 'rejected') throw outcome.reason;
  return { writes: cost.writeUnits, reads: cost.readUnits };
}

/** A host that has registered, and its next heartbeat. */
async function enlist(at: Setting, id: string): Promise<() => Promise<unknown>> {
  const host = new Host(at, id);
  let incarnation: string | undefined;
  const beat = async (): Promise<void> => {
    const principal = `arn:aws:sts::123456789012:assumed-role/berth-host/${id}`;
    const versions = { shimVersion: '0.1.0', engineVersion: '28.5.2' };
    const proposed = at.world.random(24);
    await registerHost(at, host.call(), { principal, incarnation, proposed, ...versions });
    incarnation = proposed;
  };
  await beat();
  const net = await host.pool();
  for (let i = 0; i < CONTAINERS; i++) await host.address(net, '', withMac(`02:42:ac:11:00:0${i}`));
  return beat;
}

/** One sweep over all hosts, or a whole walk over all items as well. */
async function sweepAll(at: Setting, from: Pick<SweepCursor, 'walkedAt'>): Promise<void> {
  let cursor = await at.store.readSweep();
  cursor = { ...FIRST_CURSOR, ...from };
  do {
    const { cursor: next } = await sweep(at, { deadline: Infinity, limit: LIMIT, cursor });
    await at.store.writeSweep(next);
    cursor = next;
  } while (cursor.item !== undefined);
}

/** Costs of a fleet of so many hosts. */
async function count(size: number, seed: number): Promise<Counted> {
  const at = await setting(seed);
  try {
    const beats: (() => Promise<unknown>)[] = [];
    for (let i = 0; i < size; i++) beats.push(await enlist(at, `i-${String(i).padStart(17, '0')}`));
    const heartbeat = await measured(at, async () => {
      for (const beat of beats) await beat();
    });
    const hosts = await measured(at, () => sweepAll(at, { walkedAt: at.world.now() }));
    const both = await measured(at, () => sweepAll(at, { walkedAt: 0 }));
    return { heartbeat, hosts, walk: { writes: both.writes - hosts.writes, reads: both.reads - hosts.reads } };
  } finally {
    await at.close();
  }
}

/** Through what was counted at two sizes. */
function lineOf([few, many]: readonly [number, number], at: Units, then: Units): Line {
  const slope = (of: keyof Units): number => (then[of] - at[of]) / (many - few);
  const perHost = { writes: slope('writes'), reads: slope('reads') };
  // Units are whole: the line may begin a little below nothing.
  const rest = (of: keyof Units): number => Math.max(0, at[of] - few * perHost[of]);
  return { perHost, fixed: { writes: rest('writes'), reads: rest('reads') } };
}

const daily = ({ fixed, perHost }: Line, hosts: number, every: number): Units => ({
  writes: ((fixed.writes + hosts * perHost.writes) * DAY) / every,
  reads: ((fixed.reads + hosts * perHost.reads) * DAY) / every,
});

const dollars = ({ writes, reads }: Units): string =>
  short((DAYS_OF_MONTH * (writes * PRICE.write + reads * PRICE.read)) / 1_000_000);

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const interval = (every: number): string => (every === DAY ? '1 day' : `${every / MINUTE} min`);

function rowsOf(what: string, line: Line, intervals: readonly number[]): string[][] {
  return intervals.flatMap((every) =>
    FLEETS.map((hosts) => {
      const cost = daily(line, hosts, every);
      return [what, interval(every), whole(hosts), whole(cost.writes), whole(cost.reads), dollars(cost)];
    }),
  );
}

const lineRow = (what: string, { fixed, perHost }: Line): string[] => [
  what,
  ...[perHost.writes, perHost.reads, fixed.writes, fixed.reads].map(short),
];

interface Options {
  readonly quick: boolean;
  readonly write: boolean;
  readonly seed: number;
}

async function main({ quick, write, seed }: Options): Promise<void> {
  const sizes = quick ? QUICK_SIZES : SIZES;
  const [few, many] = [await count(sizes[0], seed), await count(sizes[1], seed)];
  const heartbeat = lineOf(sizes, few.heartbeat, many.heartbeat);
  const hosts = lineOf(sizes, few.hosts, many.hosts);
  const walk = lineOf(sizes, few.walk, many.walk);
  const lines = [
    lineRow('heartbeat', heartbeat),
    lineRow('sweep: hosts', hosts),
    lineRow('sweep: walk over all items', walk),
  ];
  const days = [
    ...rowsOf('heartbeat', heartbeat, HEARTBEATS),
    ...rowsOf('sweep: hosts', hosts, SWEEPS),
    ...rowsOf('sweep: walk over all items', walk, WALKS),
  ];
  const text = [
    `Counted on the embedded engine for ${sizes[0]} and ${sizes[1]} hosts that live, each with a network and ` +
      `${CONTAINERS} containers (seed ${seed}); a straight line through the two gives all else.`,
    table(['once', 'write units a host', 'read units a host', 'write units besides', 'read units besides'], lines),
    `A day, and a month at $${PRICE.write} and $${PRICE.read} for a million write and read units:`,
    table(['what', 'every', 'hosts', 'write units a day', 'read units a day', '$ a month'], days),
  ].join('\n\n');
  console.log(text);
  if (write) await writeFigures('fleet', text);
  const missed = [
    atMost('write units of a heartbeat', heartbeat.perHost.writes, 1),
    atMost('read units of a heartbeat', heartbeat.perHost.reads, 1),
    atMost('write units of a sweep for a host that lives', hosts.perHost.writes + walk.perHost.writes, 0.01),
  ].filter(({ isMet }) => !isMet);
  console.log(missed.length === 0 ? '\nall targets are met' : `\nmissed: ${missed.map(({ what }) => what).join('; ')}`);
  if (missed.length > 0) process.exitCode = 1;
}

const command = new Command('bench:fleet-cost')
  .description('Counts what heartbeats and sweeps cost, and works out what fleets of some sizes pay for them.')
  .option('--quick', 'a few hosts', false)
  .option('--write', 'put the tables into docs/performance.md', false)
  .option('--seed <number>', 'of all chance', wholeNumber, 1)
  .parse();
await main(command.opts<Options>());
