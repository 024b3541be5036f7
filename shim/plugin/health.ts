/** How this shim is, as it says over its own socket. */
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

/** s for which the cloud may be deaf before somebody should know. */
const MAX_AGE_SECONDS = 300;

export interface HealthSources {
  readonly hostId: string;
  readonly journal: Pick<Journal, 'stats'>;
  /** Why the functions cannot be asked. `undefined`: they can, as far as is known. */
  readonly unreached: () => string | undefined;
  readonly unregistered: () => string | undefined;
  /** Why the fleet gives this host nothing new. `undefined`: it does. */
  readonly leaving: () => string | undefined;
  /** Another machine says that it is this host. */
  readonly rival: () => string | undefined;
  /** Where what Docker has and what the table says differ. */
  readonly findings: () => readonly Notice[];
}

/** `failing`: calls fail, and somebody must act. `degraded`: it goes on by itself, or this host is about to go. */
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
  const failing = [unregistered(), stats.failing].filter((reason) => reason !== undefined);
  const degraded = [
    unreached(),
    leaving(),
    rival(),
    ...findings()
      .filter(({ kind }) => kind === 'conflict')
      .map(({ text }) => text),
    deadLettersOf(stats.deadLetters),
    age > MAX_AGE_SECONDS
      ? `the cloud has yet to hear of ${stats.depth} calls, the oldest ${Math.round(age)} s old`
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
    : `${count} calls were given up, and wait in the dead letters of the data folder for somebody to read why: berth doctor ` +
      '--fix frees what they have left, and then their files may be removed';
