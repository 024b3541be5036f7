/** What a shim says about itself and its host: for `berth shim --health`, `berth doctor` and the fleet. */
import type { FunctionUrlClient } from '../cloud/client.ts';
import { parseEndpoint } from '../endpoint.ts';
import type { Journal } from '../journal/journal.ts';
import type { Condition, Registration } from '../host/registration.ts';
import { Refusals, conditionOf } from './condition.ts';
import { type Health, type HealthSources, healthOf } from './health.ts';
import { type Status, statusOf } from './status.ts';
import type { Reconciler } from '../reconcile/reconciler.ts';
import type { Settings } from '../settings.ts';

interface Parts {
  readonly hostId: string;
  readonly cloud: Pick<FunctionUrlClient, 'unreached' | 'answeredAt' | 'standingAt'>;
  readonly journal: Pick<Journal, 'stats'>;
  readonly registration: Pick<Registration, 'refusal' | 'leaving' | 'rival'>;
  readonly reconciler: Pick<Reconciler, 'last' | 'lastAt' | 'engineVersion'>;
}

/** What to ask for each of them. */
export function selfReports(
  { data, reconcile: { mode } }: Settings,
  { version, endpoint }: { readonly version: string; readonly endpoint: string },
  { hostId, cloud, journal, registration, reconciler }: Parts,
) {
  const startedAt = Date.now();
  const refusals = new Refusals();
  const healthIf = (obstacles: Pick<HealthSources, 'unreached' | 'unregistered'>): Health =>
    healthOf({
      ...obstacles,
      hostId,
      journal,
      leaving: registration.leaving,
      rival: registration.rival,
      findings: reconciler.last.findings,
    });
  const health = (): Health => healthIf({ unreached: cloud.unreached, unregistered: registration.refusal });
  const status = (): Status => {
    const standing = cloud.standingAt(parseEndpoint(endpoint));
    const comparison = { mode, at: reconciler.lastAt, ...reconciler.last };
    return statusOf({
      version,
      startedAt,
      data,
      endpoint,
      answeredAt: cloud.answeredAt,
      standing,
      comparison,
      health: health(),
    });
  };
  const condition = (): Condition => {
    // Who reads this has reached the functions, and has been let in.
    const then = healthIf({ unreached: undefined, unregistered: undefined });
    const Health = conditionOf({ health: then, comparison: reconciler, refusals });
    return { EngineVersion: reconciler.engineVersion, Health };
  };
  return { health, status, condition, refusals };
}
