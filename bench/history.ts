/** `npm run bench:history`: what it costs to keep who had which address, in capacity units. Nothing is timed. */
import { Command } from 'commander';
import { DAY_MS, MINUTE_MS } from './fleet-count.ts';
import { writeFigures } from './document.ts';
import { atMost, short, table } from './figures.ts';
import { type Kept, countHistory } from './history-count.ts';
import { PRICES } from './prices.ts';

/** Containers that start and stop in each minute, and for how many minutes. A million a month are 23 a minute. */
const FLEETS = [
  { rate: 1, minutes: 60 },
  { rate: 25, minutes: 40 },
  { rate: 250, minutes: 60 },
] as const;
const QUICK_FLEETS = [
  { rate: 1, minutes: 5 },
  { rate: 25, minutes: 5 },
] as const;

/** Dollars of AWS's list: at most this for a million containers. */
const MOST_DOLLARS = 0.3;
const MILLION = 1_000_000;
const RUNS_OF_MONTH = (30 * DAY_MS) / MINUTE_MS;
/** Assumed, since a local engine's times are not AWS's: a run that finds little takes so long, with 512 MB. */
const RUN_SECONDS = 0.3;
const RUN_GIGABYTES = 0.5;

const { dynamo, lambda } = PRICES;
const ofUnits = ({ writes, reads }: Kept['idle']): number =>
  (writes * dynamo.writeUnits + reads * dynamo.readUnits) / MILLION;

const idleMonth = (idle: Kept['idle']): number =>
  RUNS_OF_MONTH * (ofUnits(idle) + lambda.requests / MILLION + RUN_SECONDS * RUN_GIGABYTES * lambda.gigabyteSecond);

interface Options {
  readonly quick: boolean;
  readonly write: boolean;
}

async function main({ quick, write }: Options): Promise<void> {
  const rows: string[][] = [];
  const targets = [];
  let month = 0;
  for (const fleet of quick ? QUICK_FLEETS : FLEETS) {
    const { perContainer, bytes, bases, idle } = await countHistory(fleet);
    const dollars = ofUnits(perContainer) * MILLION;
    month = idleMonth(idle);
    const { writes, reads } = perContainer;
    rows.push([
      String(fleet.rate),
      ...[writes, reads].map(short),
      String(Math.round(bytes)),
      String(bases),
      dollars.toFixed(2),
    ]);
    if (fleet.rate > 1)
      targets.push(atMost(`dollars for a million containers, ${fleet.rate} a minute`, dollars, MOST_DOLLARS));
  }
  const head = ['containers a minute', 'write units each', 'read units each', 'bytes each', 'bases', '$ a million'];
  const text = [
    `Counted on the embedded engine: each container starts and stops, and the function runs once a minute.`,
    '',
    table(head, rows),
    '',
    `A fleet in which nothing happens: ${month.toFixed(2)} $ a month (a run is taken to last ${RUN_SECONDS} s with 512 MB).`,
  ].join('\n');
  console.log(text);
  console.log();
  for (const { what, isMet } of targets) console.log(`${isMet ? 'met' : 'MISSED'}: ${what}`);
  if (targets.every(({ isMet }) => isMet)) console.log('all targets are met');
  else process.exitCode = 1;
  if (write) await writeFigures('history', text, 'docs/history.md');
}

await new Command('bench:history')
  .description('count what it costs to keep who had which address')
  .option('--quick', 'a few minutes of two small fleets', false)
  .option('--write', 'write the figures to docs/history.md', false)
  .action(main)
  .parseAsync();
