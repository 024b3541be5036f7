/** What a sweep tells of itself. */
import type { Usage } from '../sweep-cursor.ts';

/** How things stand, as far as this sweep has come to know. */
export interface Standing {
  /** ms since all items were last walked over. `undefined`: they never were. */
  readonly lag: number | undefined;
  /** Hosts that are fenced. `undefined`: not all hosts have been looked at. */
  readonly fencedHosts: number | undefined;
  /** How full the pools are. `undefined`: no walk has come to its end. */
  readonly usage: Usage | undefined;
}

/** What one sweep looked at, and what it did. */
export interface SweepReport {
  /** Looked at. */
  hosts: number;
  /** Looked at. */
  items: number;
  /** Hosts that were fenced for their silence. */
  fenced: number;
  /** References of fenced hosts that were put to sleep. */
  quieted: number;
  /** Networks that ended since their host was silent for too long. */
  forgotten: number;
  /** Networks of dead hosts that ended. */
  buried: number;
  /** Leases of ended networks that were freed. */
  leases: number;
  /** Reservations that were freed since no network keeps them. */
  reservations: number;
  /** Tombstones that were removed. */
  tombstones: number;
  /** Pools that were removed since nobody refers to them. */
  pools: number;
  /** Announcements that were abandoned, and removed. */
  announcements: number;
  /** Chunks of ended pools that were removed. */
  chunks: number;
  /** Items that cannot be read, and parts of the walk that were left out for them. */
  unreadable: number;
  /** Why, of the first of them. */
  readonly reasons: string[];
}

/** Reasons that are told at most. */
const MAX_REASONS = 10;

/** Notes that something was left out, since it cannot be read. */
export function passOver(report: SweepReport, reason: string): void {
  report.unreadable++;
  if (report.reasons.length < MAX_REASONS && !report.reasons.includes(reason)) report.reasons.push(reason);
}

export const emptyReport = (): SweepReport => ({
  ...{ hosts: 0, items: 0, fenced: 0, quieted: 0, forgotten: 0, buried: 0 },
  ...{ leases: 0, reservations: 0, tombstones: 0, pools: 0, announcements: 0, chunks: 0 },
  ...{ unreadable: 0, reasons: [] },
});
