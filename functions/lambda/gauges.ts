/** The state of the fleet after a sweep, as metrics and as a line of the log. */
import type { Standing } from '../ipam/sweep/report.ts';
import { fullness } from '../ipam/sweep/usage.ts';
import type { Swept } from './fleet-handler.ts';

/** The log names the fullest pools; a metric for each pool would cost too much. */
export function gaugesOf({ lag, fencedHosts, usage }: Standing): Pick<Swept, 'gauges' | 'about'> {
  const [fullest] = usage?.fullest ?? [];
  return {
    gauges: {
      sweepLag: lag === undefined ? undefined : { unit: 'Seconds', value: Math.round(lag / 1_000) },
      fencedHosts: fencedHosts === undefined ? undefined : { unit: 'Count', value: fencedHosts },
      addressesHeld: usage && { unit: 'Count', value: usage.held },
      fullestPool: usage && { unit: 'Percent', value: fullest === undefined ? 0 : percent(fullness(fullest)) },
    },
    about: usage === undefined ? {} : { pools: usage.pools, fullest: usage.fullest },
  };
}

/** Rounded to one decimal. */
const percent = (share: number): number => Math.round(share * 1_000) / 10;
