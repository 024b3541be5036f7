/** How this host is, as the shim says with each heartbeat, so that `berth hosts` is a doctor for the whole fleet. */
import type { HostHealth } from '../../protocol/host-messages.ts';
import { MAX_REMARK } from '../../protocol/limits.ts';
import type { Reconciler } from '../reconcile/reconciler.ts';
import type { Health } from './health.ts';

/** The calls of dockerd that were refused or failed since the shim started. */
export class Refusals {
  #count = 0;
  #last = '';

  note(reason: string): void {
    this.#count++;
    this.#last = reason;
  }

  get count(): number {
    return this.#count;
  }

  /** Why the last of them was. '': none was. */
  get last(): string {
    return this.#last;
  }
}

export interface ConditionSources {
  readonly health: Health;
  readonly comparison: Pick<Reconciler, 'last' | 'lastAt'>;
  readonly refusals: Pick<Refusals, 'count' | 'last'>;
}

export function conditionOf({ health, comparison: { last, lastAt }, refusals }: ConditionSources): HostHealth {
  const hasCompared = lastAt !== undefined && last.failure === undefined;
  return {
    Status: health.status,
    Reason: remarkOf(health.reasons[0] ?? ''),
    Waiting: health.journal.depth,
    DeadLetters: health.journal.deadLetters,
    Findings: last.findings.length,
    ComparedAt: hasCompared ? new Date(lastAt).toISOString() : null,
    Refused: refusals.count,
    LastRefusal: remarkOf(refusals.last),
  };
}

/** Short and printable, as the functions want it. */
export function remarkOf(text: string): string {
  const printable = text.replaceAll(/[^\x20-\x7e]/g, '?');
  return printable.length <= MAX_REMARK ? printable : `${printable.slice(0, MAX_REMARK - 3)}...`;
}
