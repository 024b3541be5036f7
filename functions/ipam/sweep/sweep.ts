/**
 * What clears up behind everybody. Each run does a bounded part and says where the next goes on; two at once do no harm,
 * for all that is freed is freed by exact value, and all that is removed on its exact state.
 */
import type { Deps } from '../deps.ts';
import { FIRST_CURSOR, type SweepCursor } from '../sweep-cursor.ts';
import { sweepHosts } from './hosts.ts';
import { sweepItems } from './items.ts';
import { type Standing, type SweepReport, emptyReport } from './report.ts';

export type { SweepReport } from './report.ts';

export interface SweepBounds {
  /** ms: nothing new is begun from then on. */
  readonly deadline: number;
  /** How many hosts and how many items are looked at, each. */
  readonly limit: number;
  /** Where the run before has ended. `undefined`: there was none. */
  readonly cursor: SweepCursor | undefined;
}

/** Hosts first: what they held is then found among the items. */
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
