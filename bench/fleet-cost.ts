/** `npm run bench:fleet-cost`: what idle hosts cost, in capacity units a day. Nothing is timed. */
import { Command } from 'commander';
import { HEARTBEAT_MS } from '../functions/ipam/host.ts';
import { wholeNumber, writeFigures } from './document.ts';
import { atMost, short, table } from './figures.ts';
import { CONTAINERS, DAY_MS, type Line, MINUTE_MS, type Units, count, daily, lineOf } from './fleet-count.ts';
import { PRICES } from './prices.ts';

/** A shard of hosts is read in whole units: the fewer hosts it holds, the coarser the figures. */
const SIZES = [400, 1_200] as const;
const QUICK_SIZES = [8, 16] as const;

const FLEETS = [1_000, 10_000];
/** ms */
const HEARTBEATS = [5 * MINUTE_MS, HEARTBEAT_MS, 20 * MINUTE_MS];
const SWEEPS = [MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS];
const WALKS = [60 * MINUTE_MS, DAY_MS];

const { writeUnits, readUnits } = PRICES.dynamo;
const DAYS_OF_MONTH = 30;

const dollars = ({ writes, reads }: Units): string =>
  short((DAYS_OF_MONTH * (writes * writeUnits + reads * readUnits)) / 1_000_000);

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const interval = (every: number): string => (every === DAY_MS ? '1 day' : `${every / MINUTE_MS} min`);

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
    `A day, and a month at $${writeUnits} and $${readUnits} for a million write and read units:`,
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
  .description('Counts what heartbeats and sweeps cost, and calculates what fleets of several sizes pay for them.')
  .option('--quick', 'a few hosts', false)
  .option('--write', 'put the tables into docs/performance.md', false)
  .option('--seed <number>', 'of all chance', wholeNumber, 1)
  .parse();
await main(command.opts<Options>());
