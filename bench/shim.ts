/** `npm run bench:shim`: what the shim adds to a call. Exits with 1 when its memory grows. */
import os from 'node:os';
import { Command } from 'commander';
import { INSPECTED } from './collector.ts';
import { type JournalCost, fileSystemOf, flushTimes, journalCost } from './disk.ts';
import { wholeNumber, writeFigures } from './document.ts';
import { short } from './figures.ts';
import { compare } from './load.ts';
import { judgeMemory, watchMemory } from './shim-memory.ts';
import { type ShimSetting, withSetting } from './shim-setting.ts';
import { type Cell, journalTable, latencyTable, memoryTable, percentilesOf, throughputTable } from './shim-tables.ts';
import { startLocalCloud, startStub } from './shim-upstream.ts';

interface Options {
  readonly quick: boolean;
  readonly write: boolean;
  readonly calls?: number;
}

const IN_FLIGHT = [1, 16, 64];

interface Scope {
  /** Pairs of calls in one row, for each way. */
  readonly stubPairs: number;
  readonly cloudPairs: number;
  /** The batches that they are divided into. */
  readonly turns: number;
  readonly memoryCalls: number;
  /** Appends to the disk alone. */
  readonly flushes: number;
}

const FULL: Scope = { stubPairs: 5_000, cloudPairs: 1_500, turns: 10, memoryCalls: 100_000, flushes: 5_000 };
const QUICK: Scope = { stubPairs: 64, cloudPairs: 64, turns: 2, memoryCalls: 400, flushes: 64 };

/** Calls before the first measured one: they compile code and open connections. */
const WARM_UP = { pairs: 1_000, inFlight: 64 };

async function measureCells(at: ShimSetting, pairs: number, turns: number): Promise<Cell[]> {
  const ways = [at.direct, at.shim];
  await compare(ways, Math.min(WARM_UP.pairs, pairs), WARM_UP.inFlight, 1);
  const cells: Cell[] = [];
  for (const inFlight of IN_FLIGHT) {
    const [direct, shim] = await compare(ways, pairs, inFlight, turns);
    if (direct === undefined || shim === undefined) throw new Error('a way was not measured');
    cells.push({ functions: at.functions, inFlight, direct, shim });
    console.error(`${at.functions}, ${inFlight} in flight`);
  }
  return cells;
}

async function tellPlace(flushes: number): Promise<string> {
  const flush = percentilesOf(await flushTimes(flushes));
  return (
    `Node ${process.versions.node}, ${os.availableParallelism()} processors. Data and log are on ` +
    `${await fileSystemOf(os.tmpdir())}, where an append and its fdatasync take ${short(flush.median)} ms at p50 and ` +
    `${short(flush.tail)} ms at p99 by themselves.`
  );
}

async function measureJournal(count: number): Promise<JournalCost[]> {
  const costs: JournalCost[] = [];
  for (const inFlight of IN_FLIGHT) costs.push(await journalCost(count, inFlight));
  return costs;
}

async function measure({ stubPairs, cloudPairs, turns, memoryCalls, flushes }: Scope) {
  const place = await tellPlace(flushes);
  const journal = await measureJournal(flushes);
  const memory = await withSetting(startStub, (at) => watchMemory(at, memoryCalls), INSPECTED);
  const alone = await withSetting(startStub, (at) => measureCells(at, stubPairs, turns));
  const inCloud = await withSetting(startLocalCloud, (at) => measureCells(at, cloudPairs, turns));
  return { place, journal, memory, cells: [...alone, ...inCloud] };
}

async function main({ quick, write, calls }: Options): Promise<void> {
  const scope = quick ? QUICK : FULL;
  const { place, journal, memory, cells } = await measure({ ...scope, memoryCalls: calls ?? scope.memoryCalls });
  const { words, isMet } = judgeMemory(memory);
  const text = [
    place,
    ...['### Latency', latencyTable(cells), '### Throughput', throughputTable(cells)],
    ...['### What a release waits for: the journal alone', journalTable(journal)],
    ...['### Memory', memoryTable(memory), `${words}.`],
  ].join('\n\n');
  console.log(text);
  if (write) await writeFigures('shim', text);
  if (!isMet) process.exitCode = 1;
}

const command = new Command('bench:shim')
  .description('Times calls through the shim and straight to the functions, and watches its memory.')
  .option('--quick', 'a few calls', false)
  .option('--write', 'put the tables into docs/performance.md', false)
  .option('--calls <number>', `for which the memory is watched (default: ${FULL.memoryCalls})`, wholeNumber)
  .parse();
await main(command.opts<Options>());
