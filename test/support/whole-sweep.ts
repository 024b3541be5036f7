/** A sweep returns what failed. A caller that expects no failure has to look there. */
import { type SweepReport, throwFailures } from '../../functions/ipam/sweep/report.ts';

/** @throws Error when a part of the sweep has failed. */
export async function withoutFailures<T extends Pick<SweepReport, 'failures'>>(sweeping: Promise<T>): Promise<T> {
  const swept = await sweeping;
  throwFailures(swept);
  return swept;
}
