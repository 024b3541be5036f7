/** What a sweep reports. */
import type { Usage } from '../sweep-cursor.ts';
import { isUnreadable } from '../unreadable.ts';

/** The state of the fleet, as far as this sweep knows. */
export interface Standing {
  /** ms since all items were last walked over. `undefined`: they never were. */
  readonly lag: number | undefined;
  /** Hosts that are fenced. `undefined`: not all hosts have been visited. */
  readonly fencedHosts: number | undefined;
  /** How full the pools are. `undefined`: no walk has ended. */
  readonly usage: Usage | undefined;
}

/** What one sweep looked at, and what it did. */
export interface SweepReport {
  /** Hosts visited. */
  hosts: number;
  /** Items read. */
  items: number;
  /** Hosts that were fenced for their silence. */
  fenced: number;
  /** References of fenced hosts that became dormant. */
  quieted: number;
  /** Networks that ended because their host was silent for too long. */
  forgotten: number;
  /** Networks of dead hosts that ended. */
  buried: number;
  /** Hosts that were removed: gone for long, and nothing is left of them. */
  removed: number;
  /** Leases of ended networks that were freed. */
  leases: number;
  /** Reservations that were freed because no network keeps them. */
  reservations: number;
  /** Tombstones that were removed. */
  tombstones: number;
  /** Pools that were removed because they had no reference. */
  pools: number;
  /** Abandoned announcements that were removed. */
  announcements: number;
  /** Chunks of ended pools that were removed. */
  chunks: number;
  /** Items that cannot be read, and parts of the walk that were left out because of them. */
  unreadable: number;
  /** The reasons for the first of them. */
  readonly reasons: string[];
  /** What failed for another reason, without which the sweep goes on. Who runs it has to fail in the end. */
  readonly failures: Failure[];
}

/** Why a part of a sweep failed. */
export interface Failure {
  readonly part: string;
  readonly error: unknown;
}

/** The most reasons that are reported. */
const MAX_REASONS = 10;

/** Records that something was left out, since it cannot be read. */
export function passOver(report: SweepReport, reason: string): void {
  report.unreadable++;
  if (report.reasons.length < MAX_REASONS && !report.reasons.includes(reason)) report.reasons.push(reason);
}

/**
 * Runs one part of a sweep. If it fails, it is left out: the sweep goes on with the others, so that a part that always fails
 * does not stop it, and the next tour comes to this part again.
 */
export async function leavingOut(report: SweepReport, part: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (isUnreadable(error)) passOver(report, `${part}: ${error.message}`);
    else report.failures.push({ part, error });
  }
}

/** @throws Error when a part has failed. It names the first one. */
export function throwFailures({ failures }: Pick<SweepReport, 'failures'>): void {
  const [first] = failures;
  if (first === undefined) return;
  const { part, error } = first;
  const reason = error instanceof Error ? error.message : String(error);
  throw new Error(`parts of the sweep that failed: ${failures.length}; the first is ${part}: ${reason}`, {
    cause: error,
  });
}

export const emptyReport = (): SweepReport => ({
  hosts: 0,
  items: 0,
  fenced: 0,
  quieted: 0,
  forgotten: 0,
  buried: 0,
  removed: 0,
  leases: 0,
  reservations: 0,
  tombstones: 0,
  pools: 0,
  announcements: 0,
  chunks: 0,
  unreadable: 0,
  reasons: [],
  failures: [],
});
