/**
 * The sweep cleans up what hosts and calls leave behind. Each run does a bounded part and returns where the next one
 * continues. Two at once do no harm: everything is freed on its exact value, and removed on its exact state.
 */
import type { Deps } from '../deps.ts';
import { FIRST_CURSOR, type SweepCursor } from '../sweep-cursor.ts';
import { sweepHosts } from './hosts.ts';
import { sweepItems } from './items.ts';
import { type Standing, type SweepReport, emptyReport } from './report.ts';

export type { SweepReport } from './report.ts';

export interface SweepBounds {
  /** ms: the sweep starts nothing new after this. */
  readonly deadline: number;
  /** The most hosts, and the most items, that are visited. */
  readonly limit: number;
  /** Where the previous run ended. `undefined`: there was none. */
  readonly cursor: SweepCursor | undefined;
}

/** Visits hosts first: the walk over the items then finds what they held. */
export async function sweep(
  deps: Deps,
  { deadline, limit, cursor = FIRST_CURSOR }: SweepBounds,
): Promise<SweepReport & { readonly cursor: SweepCursor; readonly standing: Standing }> {
  const report = emptyReport();
  const { fencedHosts, ...hosts } = await sweepHosts(deps, { deadline, limit }, cursor, report);
  const { walked, ...items } = await sweepItems(deps, { deadline, limit }, cursor, report);
  const lag = items.walkedAt === FIRST_CURSOR.walkedAt ? undefined : deps.world.now() - items.walkedAt;
  return { ...report, cursor: { ...hosts, ...items }, standing: { lag, fencedHosts, usage: walked } };
}
