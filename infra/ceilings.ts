/** The limits that bound the costs of a stack if a fleet runs wild, read from its rendered template. */
import * as v from 'valibot';

const table = v.object({
  Properties: v.object({
    OnDemandThroughput: v.object({ MaxReadRequestUnits: v.number(), MaxWriteRequestUnits: v.number() }),
  }),
});
const template = v.object({
  Resources: v.record(v.string(), v.looseObject({ Properties: v.optional(v.looseObject({}), {}) })),
});

/** Calls a second that Lambda accepts per concurrent execution (Lambda Developer Guide, "Invocation quotas"). */
const CALLS_PER_EXECUTION = 10;

/** Lines for the person who deploys. @param rendered the template. */
export function ceilingsOf(rendered: unknown): string[] {
  const { Resources } = v.parse(template, rendered);
  const { MaxReadRequestUnits: reads, MaxWriteRequestUnits: writes } = v.parse(table, Resources['Table']).Properties
    .OnDemandThroughput;
  const reserved = Object.values(Resources).flatMap(({ Properties }) => {
    const number = Properties['ReservedConcurrentExecutions'];
    return typeof number === 'number' ? [number] : [];
  });
  const all = reserved.reduce((sum, one) => sum + one, 0);
  return [
    reserved.length > 0
      ? `functions: ${figure(all)} concurrent executions, ${figure(CALLS_PER_EXECUTION * all)} calls a second`
      : "functions: the account's own concurrency, none is reserved",
    `table: ${figure(writes)} writes and ${figure(reads)} reads a second`,
    'ThroughputAlarm' in Resources
      ? 'alarm: half of what the table takes (ThroughputAlarm)'
      : 'alarm: none, with monitoring=off',
  ];
}

const figure = (value: number): string => value.toLocaleString('en');
