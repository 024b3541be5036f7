/**
 * Follows the table's stream and writes down who had which address, at each tick of a schedule. Nothing waits for it: when it
 * lags, answers end earlier, and when it fails, the next tick goes on.
 */
import { openHistory } from './dynamo/open-history.ts';
import { openChangeStream } from './dynamo/open-stream.ts';
import { openStore } from './dynamo/open.ts';
import { type Followed, follow } from './ipam/history/follow.ts';
import { historyEnv, parseEnv, tableEnv } from './lambda/env.ts';
import type { FleetHandler } from './lambda/fleet-handler.ts';
import { log } from './lambda/log.ts';
import { putMetrics } from './lambda/metrics.ts';
import { realWorld as world } from './lambda/world.ts';

const { BERTH_TABLE: table } = parseEnv(tableEnv);
const { BERTH_HISTORY_TABLE: historyTable, BERTH_HISTORY_DAYS: keptDays } = parseEnv(historyEnv);
const deps =
  historyTable === undefined
    ? undefined
    : {
        world,
        store: openStore(table, world),
        stream: openChangeStream(table, world),
        history: openHistory(historyTable, keptDays, world),
      };

/** ms kept back, so that what a run has begun at its deadline can end. */
const MARGIN_MS = 5_000;

/** @throws what the table throws: the next tick begins where the last committed run has ended. */
export const handler: FleetHandler = async (_event, context) => {
  if (deps === undefined) return;
  const deadline = world.now() + Math.max(0, context.getRemainingTimeInMillis() - MARGIN_MS);
  let followed: Followed;
  do {
    followed = await follow(deps, deadline);
    report(followed);
  } while (followed.outcome === 'more' && world.now() < deadline);
};

/** A run that found nothing new leaves no line in the log. */
function report({ outcome, changes, entries, gap, until, isKnown }: Followed): void {
  if (gap !== '') log('warn', 'a gap in the history', { gap });
  if (outcome === 'off') log('warn', 'the table has no stream, so no history is kept', {});
  if (changes > 0) log('info', 'followed', { outcome, changes, entries });
  const lag = isKnown ? Math.round((world.now() - until) / 1_000) : undefined;
  const gauges = { historyLag: lag === undefined ? undefined : { unit: 'Seconds' as const, value: lag } };
  putMetrics({ counts: { historyGaps: gap === '' ? 0 : 1 }, gauges }, table, world.now());
}
