/** The states of one item over time: from a base, and the entries that follow it. */
import type { Moment } from './entry.ts';

/** A value that an item had from one second to another, both included. */
export interface Span<Value> {
  readonly from: number;
  readonly to: number;
  readonly value: Value;
  /** `false`: the change that ended or began it does not fit, so something between them is missing. */
  readonly isKnown: boolean;
}

export interface Step<Value> extends Moment {
  /** A check of the value before. */
  readonly was: string;
  readonly now: Value;
}

/**
 * Repeats are dropped, and the order is that of the sequences: neither depends on how the entries were written. The stream
 * gives whole seconds, so within the second of a change both values are true.
 *
 * @param base the value at the base, which may be later than the first entries.
 */
export function spansOf<Value>(
  base: Value,
  entries: readonly Step<Value>[],
  checkOf: (value: Value) => string,
): Span<Value>[] {
  const steps = inOrder(entries);
  const spans: Span<Value>[] = [];
  let open = { from: -Infinity, value: base };
  for (const { second, was, now } of steps) {
    // A clock behind an earlier change's cannot put a change before it.
    const to = Math.max(second, open.from);
    spans.push({ ...open, to, isKnown: checkOf(open.value) === was });
    open = { from: to, value: now };
  }
  return [...spans, { ...open, to: Infinity, isKnown: true }];
}

const inOrder = <Value>(entries: readonly Step<Value>[]): Step<Value>[] =>
  [...new Map(entries.map((entry) => [entry.sequence, entry])).values()].sort((a, b) =>
    a.sequence < b.sequence ? -1 : 1,
  );

export const spansAt = <Value>(spans: readonly Span<Value>[], second: number): Span<Value>[] =>
  spans.filter(({ from, to }) => from <= second && second <= to);
