/** The shim's health, which it reports over its own socket. */
import * as v from 'valibot';
import type { Journal } from '../journal/journal.ts';
import type { Notice } from '../reconcile/reconciler.ts';
import { oldestSeconds } from './metrics.ts';

export const healthAnswer = v.object({
  status: v.picklist(['ok', 'degraded', 'failing']),
  reasons: v.array(v.string()),
  host: v.string(),
  journal: v.object({ depth: v.number(), oldestSeconds: v.number(), deadLetters: v.number() }),
});
export type Health = v.InferOutput<typeof healthAnswer>;

/** s. A call that has not reached the cloud for this long degrades the health. */
const MAX_AGE_SECONDS = 300;

export interface HealthSources {
  readonly hostId: string;
  readonly journal: Pick<Journal, 'stats'>;
  /** Why the functions cannot be reached. `undefined`: they can, as far as is known. */
  readonly unreached: string | undefined;
  readonly unregistered: string | undefined;
  /** Why the fleet gives this host nothing new. `undefined`: it does. */
  readonly leaving: string | undefined;
  /** Another machine says that it is this host. */
  readonly rival: string | undefined;
  /** Where what Docker has and what the table says differ. */
  readonly findings: readonly Notice[];
}

/** `failing`: calls fail, and an operator must act. `degraded`: it recovers by itself, or this host is being drained. */
export function healthOf({
  hostId,
  journal,
  unreached,
  unregistered,
  leaving,
  rival,
  findings,
}: HealthSources): Health {
  const { stats } = journal;
  const age = oldestSeconds(journal);
  const failing = [unregistered, stats.failing].filter((reason) => reason !== undefined);
  const degraded = [
    unreached,
    leaving,
    rival,
    ...findings.filter(({ kind }) => kind === 'conflict').map(({ text }) => text),
    deadLettersOf(stats.deadLetters),
    age > MAX_AGE_SECONDS
      ? `${stats.depth} calls have not reached the cloud yet, the oldest for ${Math.round(age)} s`
      : undefined,
  ].filter((reason) => reason !== undefined);
  return {
    status: failing.length > 0 ? 'failing' : degraded.length > 0 ? 'degraded' : 'ok',
    reasons: [...failing, ...degraded],
    host: hostId,
    journal: { depth: stats.depth, oldestSeconds: Math.round(age), deadLetters: stats.deadLetters },
  };
}

const deadLettersOf = (count: number): string | undefined =>
  count === 0
    ? undefined
    : `${count} calls were given up; berth dead-letters list says why. Run berth doctor --fix to free what they left behind, then ` +
      'berth dead-letters drop --all';
