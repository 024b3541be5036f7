/**
 * Metrics: CloudWatch reads them from a line of the log ("embedded metric format"). AWS charges for each hour in which a
 * metric has a value, so there are few, and none for each pool or host (docs/decisions/0008).
 */
import { output } from './log.ts';

const NAMESPACE = 'Berth';
/** The most metrics that one line may hold. */
const MAX_METRICS = 100;

export interface Gauge {
  readonly unit: 'Count' | 'Percent' | 'Seconds';
  readonly value: number;
}

export interface Metrics {
  /** How often something was done, by names such as `hostsFenced`, which becomes `HostsFenced`. Zero is left out. */
  readonly counts?: Readonly<Record<string, number>>;
  /** The present state; zero is a value. What is not known is left out. */
  readonly gauges?: Readonly<Record<string, Gauge | undefined>>;
}

/**
 * @param table distinguishes the stacks of an account.
 * @param now ms since the epoch
 */
export function putMetrics({ counts = {}, gauges = {} }: Metrics, table: string, now: number): void {
  const done = Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => ({ name, unit: 'Count', value }));
  const standing = Object.entries(gauges).flatMap(([name, gauge]) => (gauge === undefined ? [] : [{ name, ...gauge }]));
  const values = [...done, ...standing]
    .slice(0, MAX_METRICS)
    .map((metric) => ({ ...metric, name: named(metric.name) }));
  if (values.length === 0) return;
  const metrics = values.map(({ name, unit }) => ({ Name: name, Unit: unit }));
  const line = {
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [{ Namespace: NAMESPACE, Dimensions: [['Table']], Metrics: metrics }],
    },
    Table: table,
    ...Object.fromEntries(values.map(({ name, value }) => [name, value])),
  };
  output.log(JSON.stringify(line));
}

const named = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
