/** `npm run bench:growth`: what grows with pools, hosts and what they leave behind. Exits with 1 when a target is missed. */
import { Command } from 'commander';
import { writeFigures, wholeNumber } from './document.ts';
import { short, table } from './figures.ts';
import { clearing, comparing, death, deathInLargePool, listing, sharing, waking } from './growth-fleet.ts';
import type { Case, Grown } from './growth-setting.ts';
import { crowding, limited, refusing } from './growth-space.ts';

interface Options {
  readonly quick: boolean;
  readonly write: boolean;
  readonly seed: number;
}

const ROW = ['case', 'size', 'requests', 'round trips', 's at 4 ms', 'write units', 'read units', 'target'];
/** ms that DynamoDB takes for a request, within a Region. */
const REQUEST_MS = 4;

const cells = ({ what, size, cost, targets }: Grown): string[] => [
  what,
  size,
  ...[cost.requests, cost.roundTrips, (cost.roundTrips * REQUEST_MS) / 1_000, cost.writeUnits, cost.readUnits].map(
    short,
  ),
  targets.map(({ what, isMet }) => `${what} ${isMet ? '✓' : '✗ MISSED'}`).join('; '),
];

const cases = (quick: boolean): Case[] => [
  ...[0, 4].map((containers) => clearing(quick ? 20 : 200, containers)),
  ...(quick ? [0.5, 0.95] : [0.5, 0.76, 0.95, 0.999]).map((fill) => crowding(quick ? 1_024 : 65_536, fill)),
  refusing(quick ? 1_024 : 65_536),
  ...(quick ? [1_000] : [1_000, 9_000]).map(limited),
  ...(quick ? [100] : [2_500, 10_000]).map(listing),
  comparing(quick ? 10 : 50),
  ...(quick ? [[100, 20]] : [[10_000, 1_000]]).map(([ended = 0, dormant = 0]) => waking(ended, dormant)),
  death(quick ? 200 : 10_000),
  deathInLargePool(quick ? 100 : 1_500),
  sharing(quick ? 50 : 1_000),
];

async function main({ quick, write, seed }: Options): Promise<void> {
  const grown: Grown[] = [];
  for (const run of cases(quick)) {
    const results = await run(seed);
    grown.push(...results);
    for (const result of results) console.error(cells(result).join('  '));
  }
  const text = [
    `Counted on the embedded engine (seed ${seed}). A round trip is a request that had to wait for the one before.`,
    table(ROW, grown.map(cells)),
  ].join('\n\n');
  console.log(text);
  if (write) await writeFigures('growth', text, 'docs/scaling.md');
  const missed = grown.flatMap(({ targets }) => targets).filter(({ isMet }) => !isMet);
  console.log(missed.length === 0 ? '\nall targets are met' : `\n${missed.length} targets are missed`);
  if (missed.length > 0) process.exitCode = 1;
}

const command = new Command('bench:growth')
  .description('Counts what grows with pools, hosts and what they leave behind. Nothing is timed.')
  .option('--quick', 'a small scope', false)
  .option('--write', 'put the table into docs/scaling.md', false)
  .option('--seed <number>', 'of all chance', wholeNumber, 1)
  .parse();
await main(command.opts<Options>());
