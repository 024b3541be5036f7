/** The plan of an import, as people and programs read it. */
import type { Move } from './import-docker.ts';
import type { Plan, Step } from './import-plan.ts';
import { settingsJson } from './space.ts';
import { factsOf, tableOf } from './table.ts';

/** What an import is about to do. */
export interface Proposal extends Omit<Move, 'wishes'> {
  readonly plans: readonly Plan[];
}

export function describeImport({ plans, commands, kept }: Proposal): string {
  const parts = [
    ...plans.map(planText),
    ...(kept.length === 0
      ? []
      : [
          tableOf(
            [{ head: 'STAYS' }, { head: 'WHY' }],
            kept.map((one) => [one.network, one.why]),
          ),
        ]),
    ...(commands.length === 0
      ? []
      : [`Then run on that host, in this order:\n${commands.map((one) => `  ${one}`).join('\n')}`]),
  ];
  return parts.join('\n\n');
}

function planText({ space, set, steps }: Plan): string {
  const changes = Object.entries(settingsJson(set)).map(([name, value]) => [`  ${name}`, valueText(value)] as const);
  const heading = changes.length === 0 ? `space ${space}: nothing to change` : `space ${space}:\n${factsOf(changes)}`;
  return steps.length === 0 ? heading : `${stepTable(steps)}\n\n${heading}`;
}

function stepTable(steps: readonly Step[]): string {
  const isNoted = steps.some(({ note }) => note !== '');
  const rows = steps.map(({ what, from, then, note }) => [what, from, then, ...(isNoted ? [note] : [])]);
  const heads = ['WHAT', 'FROM', 'PLAN', ...(isNoted ? ['DESCRIPTION'] : [])];
  return tableOf(
    heads.map((head) => ({ head })),
    rows,
  );
}

function valueText(value: unknown): string {
  if (value === null) return 'back to its default';
  return Array.isArray(value) ? value.join(', ') || 'none' : JSON.stringify(value);
}

export const importJson = ({ plans, commands, kept }: Proposal): object => ({
  plans: plans.map(({ space, rev, set, steps }) => ({
    space,
    rev: rev === '' ? null : rev,
    set: settingsJson(set),
    steps,
  })),
  commands,
  kept,
});
