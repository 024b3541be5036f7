/** Means of costs, and Markdown tables of them. */
import type { Cost } from '../test/support/meter.ts';

export interface Figures {
  readonly calls: number;
  readonly requests: number;
  readonly roundTrips: number;
  readonly medianRoundTrips: number;
  readonly mostRoundTrips: number;
  readonly writeUnits: number;
  readonly readUnits: number;
}

export function figuresOf(costs: readonly Cost[]): Figures {
  const mean = (of: (cost: Cost) => number): number =>
    costs.length === 0 ? 0 : costs.reduce((sum, cost) => sum + of(cost), 0) / costs.length;
  const trips = costs.map(({ roundTrips }) => roundTrips).sort((a, b) => a - b);
  return {
    calls: costs.length,
    requests: mean(({ requests }) => requests),
    roundTrips: mean(({ roundTrips }) => roundTrips),
    medianRoundTrips: trips[Math.floor((trips.length - 1) / 2)] ?? 0,
    mostRoundTrips: trips.at(-1) ?? 0,
    writeUnits: mean(({ writeUnits }) => writeUnits),
    readUnits: mean(({ readUnits }) => readUnits),
  };
}

/** At most two decimals, without trailing zeros. */
export const short = (value: number): string => String(Math.round(value * 100) / 100);

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n');
}

/** A condition on figures, with its description. */
export interface Target {
  readonly what: string;
  readonly isMet: boolean;
}

export const atMost = (what: string, value: number, most: number): Target => ({
  what: `${what} ≤ ${most}: ${short(value)}`,
  // A mean of sums of units is not exact.
  isMet: value <= most + 1e-9,
});
