/** One look at the table. */
import { sequenceOf } from '../../../protocol/request-key.ts';
import { INDEX_LAG_MS } from '../host.ts';
import type { Ref } from '../ref.ts';
import type { TableView } from '../table-view.ts';
import { isUnreadable } from '../unreadable.ts';

export interface Look {
  readonly table: TableView;
  /** ms */
  readonly now: number;
}

/**
 * ms: a call is over after a minute, and settled or undone within a quarter of an hour. What is younger by its host's clock,
 * which a signature keeps within minutes of the right time, may be half done.
 */
export const SETTLED_MS = INDEX_LAG_MS;

/** ms: two walks of a sweep over all items, an hour apart, and time for them. What it still leaves then, it never clears. */
export const SWEPT_MS = 3 * 3_600_000;

/** Whether the call with this key was made so long ago that nothing of it is under way. */
export const isSettled = (requestKey: string, now: number): boolean =>
  parseInt(sequenceOf(requestKey), 36) + SETTLED_MS <= now;

/** Whether a network ended so long ago that a sweep should have cleared what it left. */
export const isLongGone = (ref: Ref | undefined, now: number): boolean =>
  ref?.state === 'gone' && (ref.endedAt ?? now) + SWEPT_MS <= now;

/**
 * What an operation answers. If an item that it reads is damaged, nothing: the page that has that item names it, and it must
 * not hide all others.
 */
export async function unlessUnreadable<T>(operation: Promise<T[]>): Promise<T[]> {
  try {
    return await operation;
  } catch (error) {
    if (isUnreadable(error)) return [];
    throw error;
  }
}
