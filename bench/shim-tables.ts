/** The measurements of the shim, as Markdown tables. */
import type { JournalCost } from './disk.ts';
import { short, table } from './figures.ts';
import { type Tally, type Times, percentile } from './load.ts';
import type { MemorySample } from './shim-memory.ts';

export interface Cell {
  /** The functions behind the shim. */
  readonly functions: string;
  readonly inFlight: number;
  readonly direct: Tally;
  readonly shim: Tally;
}

interface Percentiles {
  readonly calls: number;
  readonly median: number;
  readonly tail: number;
}

export function percentilesOf(times: readonly number[]): Percentiles {
  return { calls: times.length, median: percentile(times, 50), tail: percentile(times, 99) };
}

const KINDS = [
  { call: 'RequestAddress', of: ({ requests }: Times) => requests },
  { call: 'ReleaseAddress', of: ({ releases }: Times) => releases },
] as const;
const LATENCY = ['functions', 'in flight', 'call', 'way', 'calls', 'p50 ms', 'p99 ms'];
const AGAINST = ['added p50 ms', 'added p99 ms', 'p50, ratio', 'p99, ratio'];

export const latencyTable = (cells: readonly Cell[]): string =>
  table(
    [...LATENCY, ...AGAINST],
    cells.flatMap((cell) => KINDS.flatMap(({ call, of }) => latencyRows(cell, call, of))),
  );

function latencyRows({ functions, inFlight, direct, shim }: Cell, call: string, of: (times: Times) => number[]) {
  const [bare, ours] = [percentilesOf(of(direct)), percentilesOf(of(shim))];
  const row = (way: string, { calls, median, tail }: Percentiles, against: readonly string[]): string[] => [
    ...[functions, String(inFlight), call, way, String(calls), short(median), short(tail)],
    ...against,
  ];
  const added = [ours.median - bare.median, ours.tail - bare.tail];
  const ratios = [ours.median / bare.median, ours.tail / bare.tail];
  return [row('direct', bare, ['', '', '', '']), row('through the shim', ours, [...added, ...ratios].map(short))];
}

const perSecond = (count: number, elapsed: number): number => (count / elapsed) * 1_000;
const rateOf = ({ requests, releases, elapsed }: Tally): number =>
  perSecond(requests.length + releases.length, elapsed);

export const throughputTable = (cells: readonly Cell[]): string =>
  table(
    ['functions', 'in flight', 'direct, calls/s', 'through the shim, calls/s', 'ratio'],
    cells.map(({ functions, inFlight, direct, shim }) => [
      ...[functions, String(inFlight)],
      ...[rateOf(direct), rateOf(shim)].map((rate) => String(Math.round(rate))),
      short(rateOf(shim) / rateOf(direct)),
    ]),
  );

export const journalTable = (costs: readonly JournalCost[]): string =>
  table(
    ['releases in flight', 'releases', 'p50 ms', 'p99 ms', 'releases/s', 'releases per flush'],
    costs.map(({ inFlight, times, elapsed, flushes }) => {
      const { calls, median, tail } = percentilesOf(times);
      const rate = String(Math.round(perSecond(calls, elapsed)));
      return [String(inFlight), String(calls), short(median), short(tail), rate, short(calls / flushes)];
    }),
  );

const KIB = 1_024;
const MIB = KIB * KIB;

export const memoryTable = (samples: readonly MemorySample[]): string =>
  table(
    ['calls', 'resident MiB', 'after a collection MiB', 'heap in use MiB', 'outside of the heap MiB', 'journal KiB'],
    samples.map(({ calls, running, resident, heap, external, journal }) => [
      String(calls),
      ...[running / MIB, resident / MIB, heap / MIB, external / MIB, journal / KIB].map((value) => value.toFixed(1)),
    ]),
  );
