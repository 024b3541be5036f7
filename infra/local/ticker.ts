/** EventBridge on this machine: calls the sweep at fixed intervals, one call at a time. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FleetHandler } from '../../functions/lambda/fleet-handler.ts';

export interface Ticker {
  /** Resolves when no call is under way and none will follow. */
  stop(): Promise<void>;
}

export interface TickerOptions {
  readonly handler: FleetHandler;
  /** ms between the end of one call and the next. */
  readonly every: number;
  /** ms within which the function must end. */
  readonly timeout: number;
}

export function startTicker(options: TickerOptions): Ticker {
  const stopping = new AbortController();
  const ended = tick(options, stopping.signal);
  return {
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
}

async function tick({ handler, every, timeout }: TickerOptions, stopping: AbortSignal): Promise<void> {
  for (;;) {
    await delay(every, undefined, { signal: stopping }).catch(() => undefined);
    if (stopping.aborted) return;
    const deadline = Date.now() + timeout;
    // As on Lambda, an error is only logged, and the next tick follows.
    await handler(scheduledEvent(), { getRemainingTimeInMillis: () => deadline - Date.now() }).catch(console.error);
  }
}

/** As AWS documents it (Amazon EventBridge User Guide, "scheduled events"). */
export const scheduledEvent = () => ({
  version: '0',
  id: randomUUID(),
  'detail-type': 'Scheduled Event',
  source: 'aws.events',
  account: '000000000000',
  time: new Date().toISOString(),
  region: 'local',
  resources: ['arn:aws:events:local:000000000000:rule/sweep'],
  detail: {},
});
