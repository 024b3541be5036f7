/** What a run counts. Every figure is of the whole fleet, however many hosts are simulated as one. */
import { PRICES } from '../prices.ts';
import { itemsOf } from '../bill.ts';
import type { Units } from '../fleet-count.ts';

/** The percentile of sorted numbers. */
const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

export const totalOf = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, one) => sum + one, 0);

/** Most first. */
export const ranked = (counts: ReadonlyMap<string, number>): [string, number][] =>
  [...counts].sort(([, one], [, other]) => other - one);

export class Tally {
  /** Calls of functions that were carried out, and what they took. */
  calls = 0;
  units = { writes: 0, reads: 0 };
  gigabyteSeconds = 0;
  /** Calls of dockerd, and handshakes. */
  offered = 0;
  /** Requests for an address, and ms that those took that were granted. */
  wanted = 0;
  readonly took: number[] = [];
  /** Releases that the cloud has taken, and when the last of them was (ms). */
  delivered = 0;
  deliveredAt = 0;
  /** When the last call of dockerd was answered, and the last host was registered (ms). */
  answeredAt = 0;
  registeredAt = 0;
  /** By the limits that refused: attempts, and calls that failed although the shim repeated them. */
  readonly throttles = new Map<string, number>();
  readonly failures = new Map<string, number>();

  throttled(cause: string): void {
    this.throttles.set(cause, (this.throttles.get(cause) ?? 0) + 1);
  }

  failed(cause: string): void {
    this.failures.set(cause, (this.failures.get(cause) ?? 0) + 1);
  }

  /** The share of the calls that failed. */
  get failedShare(): number {
    return totalOf(this.failures) / Math.max(1, this.offered);
  }

  /** Units a second. */
  rate(milliseconds: number, weight: number): Units {
    const scale = (weight * 1_000) / milliseconds;
    return { writes: this.units.writes * scale, reads: this.units.reads * scale };
  }

  /** ms */
  latencies(): { readonly p50: number; readonly p99: number; readonly most: number } {
    const sorted = this.took.sort((one, other) => one - other);
    return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), most: sorted.at(-1) ?? 0 };
  }

  /** What all of it costs, with the simulated time of the functions. */
  dollars(weight: number): number {
    const bill = itemsOf({ calls: this.calls, requests: 0, ...this.units }, weight, 'Function URLs');
    const rest = bill.filter(({ what }) => what !== 'Lambda, time').reduce((sum, { dollars }) => sum + dollars, 0);
    return rest + this.gigabyteSeconds * weight * PRICES.lambda.gigabyteSecond;
  }
}
