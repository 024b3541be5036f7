/**
 * The sweep cleans up what hosts and calls leave behind. Each run does a bounded part and returns where the next one
 * continues. Two at once do no harm: everything is freed on its exact value, and removed on its exact state.
 */
import type { Deps } from '../deps.ts';
import { FIRST_CURSOR, type SweepCursor } from '../sweep-cursor.ts';
import { type Step, tourHosts } from './hosts.ts';
import { isWalkDue, walkItems } from './items.ts';
import { type Standing, type SweepReport, emptyReport, leavingOut } from './report.ts';

export type { SweepReport } from './report.ts';

export interface SweepBounds {
  /** ms: the sweep starts nothing new after this. */
  readonly deadline: number;
  /** The most hosts, and the most items, that are visited. */
  readonly limit: number;
  /** Where the previous run ended. `undefined`: there was none. */
  readonly cursor: SweepCursor | undefined;
  /** Keeps how far the sweep has come, for the next run. */
  readonly save?: (cursor: SweepCursor) => Promise<void>;
}

/**
 * ms: once the last save is this old, the step that ends next is followed by a save. A run that is cut off repeats what came
 * after its last save: this much at most, and the step that was under way, however long it took (a batch of hosts, or a
 * page of items). What it has freed or fenced stays so.
 */
const SAVE_INTERVAL_MS = 10_000;

/**
 * Visits hosts first: the walk over the items then finds what they held. When a walk is due, hosts get half of the time at
 * most, so that many of them do not keep it from going on. What fails is left out, and the sweep goes on with the rest.
 *
 * @returns what failed, too: the caller has to look at it.
 */
export async function sweep(
  deps: Deps,
  { deadline, limit, cursor: from = FIRST_CURSOR, save = () => Promise.resolve() }: SweepBounds,
): Promise<SweepReport & { readonly cursor: SweepCursor; readonly standing: Standing }> {
  const { world } = deps;
  const report = emptyReport();
  const began = world.now();
  let [cursor, savedAt] = [from, began];
  let found: Partial<Standing> = {};
  const keep = (): Promise<void> => leavingOut(report, 'saving how far it has come', () => save(cursor));
  const go = (part: string, steps: AsyncIterable<Step>): Promise<void> =>
    leavingOut(report, part, async () => {
      for await (const step of steps) {
        cursor = { ...cursor, ...step.cursor };
        found = { ...found, ...step.standing };
        if (world.now() < savedAt + SAVE_INTERVAL_MS) continue;
        await keep();
        savedAt = world.now();
      }
    });
  const hostsUntil = isWalkDue(from, began) ? began + (deadline - began) / 2 : deadline;
  await go('the tour of all hosts', tourHosts(deps, { deadline: hostsUntil, limit }, from, report));
  await go('the walk over all items', walkItems(deps, { deadline, limit }, from, report));
  await keep();
  const lag = cursor.walkedAt === FIRST_CURSOR.walkedAt ? undefined : world.now() - cursor.walkedAt;
  return { ...report, cursor, standing: { fencedHosts: undefined, usage: undefined, ...found, lag } };
}
