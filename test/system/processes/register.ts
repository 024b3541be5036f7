/**
 * Whether the observations of several clients of one address are consistent: whether there is an order of their calls,
 * each at some moment between its begin and its end, in which the address is only taken while it is free, only released
 * by its holder, and only found held while it is held. The search is exact (Wing and Gong, "Testing and verifying
 * concurrent objects", 1993); each address is a register of its own, so each is searched alone.
 */

export interface Step {
  /** `meet`: found it held, by any client. */
  readonly kind: 'take' | 'drop' | 'meet';
  /** The client that takes or drops it; ignored for `meet`. */
  readonly holder: string;
  /** ns of one clock that all clients share. */
  readonly begin: bigint;
  /** `undefined`: the outcome is unknown. It took effect at any later moment, or never. */
  readonly end: bigint | undefined;
}

/** @param last the holder of the address at the end. @returns an order that explains all observations, if there is one. */
export function explain(steps: readonly Step[], last: string | undefined): readonly Step[] | undefined {
  const known = new Set<string>();
  const path: Step[] = [];
  const numbered = steps.map((step, number) => ({ ...step, number }));

  const search = (left: readonly Numbered[], holder: string | undefined): boolean => {
    const firstEnd = earliestEnd(left);
    if (firstEnd === undefined && holder === last) return true;
    const state = `${holder ?? ''} ${left.map(({ number }) => number).join()}`;
    if (known.has(state)) return false;
    known.add(state);
    const may = left.filter((step) => isPossible(step, holder) && (firstEnd === undefined || step.begin <= firstEnd));
    // A `meet` changes nothing, so one that is possible now is best taken now.
    const met = may.find(({ kind }) => kind === 'meet');
    return (met === undefined ? may : [met]).some((step) => {
      path.push(step);
      const rest = left.filter((other) => other !== step);
      if (search(rest, holderAfter(step, holder))) return true;
      path.pop();
      return false;
    });
  };

  return search(numbered, undefined) ? path : undefined;
}

type Numbered = Step & { readonly number: number };

/** No call that began after this can come first. `undefined`: all remaining calls may never have happened. */
function earliestEnd(steps: readonly Step[]): bigint | undefined {
  let earliest: bigint | undefined;
  for (const { end } of steps) {
    if (end !== undefined && (earliest === undefined || end < earliest)) earliest = end;
  }
  return earliest;
}

function isPossible(step: Step, holder: string | undefined): boolean {
  switch (step.kind) {
    case 'take':
      return holder === undefined;
    case 'drop':
      return holder === step.holder;
    case 'meet':
      return holder !== undefined;
  }
}

function holderAfter(step: Step, holder: string | undefined): string | undefined {
  switch (step.kind) {
    case 'take':
      return step.holder;
    case 'drop':
      return undefined;
    case 'meet':
      return holder;
  }
}
