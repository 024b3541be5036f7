/** Handles the events of EventBridge, and reports what was done in the log and in metrics. */
import type { Context } from 'aws-lambda';
import { type SweepReport, throwFailures } from '../ipam/sweep/report.ts';
import { type FleetEvent, parseFleetEvent } from './fleet-event.ts';
import { log } from './log.ts';
import { type Gauge, putMetrics } from './metrics.ts';

/** `unknown`: no host of that id has ever registered, or the instance is no longer that host. */
export type Outcome = 'done' | 'unknown';
type Counts = Readonly<Record<string, number>>;

export interface Swept extends Pick<SweepReport, 'reasons' | 'failures'> {
  readonly saw: Counts;
  readonly did: Counts;
  /** The state of the fleet, as metrics. */
  readonly gauges: Readonly<Record<string, Gauge | undefined>>;
  /** What else the log line says. */
  readonly about: Readonly<Record<string, unknown>>;
}

export interface FleetActions {
  /** Sweeps the fleet. @param deadline ms since the epoch. @returns how much it looked at, and what it did. */
  readonly sweep: (deadline: number) => Promise<Swept>;
  /** @param deadline ms since the epoch: the next event or sweep goes on with what is left then. */
  readonly death: (hostId: string, why: string, deadline: number) => Promise<Outcome>;
  readonly drain: (hostId: string, why: string, deadline: number) => Promise<Outcome>;
}

export type FleetHandler = (event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>) => Promise<void>;

/** ms kept back, so that what a sweep has begun at its deadline can end before Lambda ends the function. */
const SWEEP_MARGIN_MS = 8_000;

/** @throws what the actions throw: Lambda then repeats the event, twice. */
export function handleFleetEvents(actions: FleetActions, table: string): FleetHandler {
  return async (received, context) => {
    const event = understand(received);
    if (event === undefined) return;
    const deadline = Date.now() + Math.max(0, context.getRemainingTimeInMillis() - SWEEP_MARGIN_MS);
    if (event.kind === 'tick') return sweepUntil(actions, deadline, table);
    putMetrics({ counts: await report(actions, event, deadline) }, table, Date.now());
  };
}

/** Does not throw: Lambda would only repeat the event. */
function understand(received: unknown): FleetEvent | undefined {
  try {
    return parseFleetEvent(received);
  } catch (error) {
    log('error', 'event refused', { reason: error instanceof Error ? error.message : String(error), event: received });
    return undefined;
  }
}

/** Reports all that the sweep did, even when a part of it failed: the alarms rest on it. @throws Error when one did. */
async function sweepUntil({ sweep }: FleetActions, deadline: number, table: string): Promise<void> {
  const { saw, did, gauges, about, reasons, failures } = await sweep(deadline);
  for (const reason of reasons) log('error', 'item left out', { reason });
  for (const { part, error } of failures) log('error', 'part of the sweep failed', { part, error });
  log('info', 'swept', { ...saw, ...did, ...about });
  putMetrics({ counts: did, gauges }, table, Date.now());
  throwFailures({ failures });
}

async function report(
  actions: FleetActions,
  event: Exclude<FleetEvent, { kind: 'tick' }>,
  deadline: number,
): Promise<Counts> {
  const { kind, hostId, why } = event;
  const outcome = kind === 'none' ? 'none' : await actions[kind](hostId, why, deadline);
  log('info', 'instance event', { host: hostId, why, kind, outcome });
  if (outcome !== 'done') return {};
  return kind === 'death' ? { deaths: 1 } : { drains: 1 };
}
