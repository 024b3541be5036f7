/** What a shim says about itself and its host: for `berth shim --health` and `berth doctor`. */
import type { FunctionUrlClient } from '../cloud/client.ts';
import { parseEndpoint } from '../endpoint.ts';
import type { Registration } from '../host/registration.ts';
import type { Journal } from '../journal/journal.ts';
import { type Health, healthOf } from './health.ts';
import { type Status, statusOf } from './status.ts';
import type { Reconciler } from '../reconcile/reconciler.ts';
import type { Settings } from '../settings.ts';

interface Parts {
  readonly hostId: string;
  readonly cloud: Pick<FunctionUrlClient, 'unreached' | 'answeredAt' | 'standingAt'>;
  readonly journal: Pick<Journal, 'stats'>;
  readonly registration: Pick<Registration, 'refusal' | 'leaving' | 'rival'>;
  readonly reconciler: Pick<Reconciler, 'last' | 'lastAt'>;
}

/** What to ask for each of them. */
export function selfReports(
  { data, reconcile: { mode } }: Settings,
  { version, endpoint }: { readonly version: string; readonly endpoint: string },
  { hostId, cloud, journal, registration, reconciler }: Parts,
) {
  const startedAt = Date.now();
  const health = (): Health =>
    healthOf({
      hostId,
      journal,
      unreached: cloud.unreached,
      unregistered: registration.refusal,
      leaving: registration.leaving,
      rival: registration.rival,
      findings: reconciler.last.findings,
    });
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
  return { health, status };
}
