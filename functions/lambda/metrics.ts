/** Counts as metrics: CloudWatch reads them out of a line of the log (CloudWatch "embedded metric format"). */

const NAMESPACE = 'Berth';
/** What one line may hold. */
const MAX_METRICS = 100;

/**
 * Counts of nothing are left out: a metric is paid for by the hours in which it has a value.
 *
 * @param counts by names such as `hostsFenced`, which becomes `HostsFenced`.
 * @param now ms since the epoch
 */
export function countMetrics(
  counts: Readonly<Record<string, number>>,
  dimensions: Readonly<Record<string, string>>,
  now: number,
): void {
  const values = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .slice(0, MAX_METRICS)
    .map(([name, count]) => [name.charAt(0).toUpperCase() + name.slice(1), count] as const);
  if (values.length === 0) return;
  const metrics = values.map(([Name]) => ({ Name, Unit: 'Count' }));
  const directive = { Namespace: NAMESPACE, Dimensions: [Object.keys(dimensions)], Metrics: metrics };
  const line = {
    _aws: { Timestamp: now, CloudWatchMetrics: [directive] },
    ...dimensions,
    ...Object.fromEntries(values),
  };
  console.log(JSON.stringify(line));
}
