/** From counted units to dollars. Pure. */
import { HEARTBEAT_MS } from '../functions/ipam/host.ts';
import { ACCESS_LOG, REQUESTS_OF_CALL, RUNS, WATCHED } from './assumptions.ts';
import { DAY_MS, type Line, MINUTE_MS, type Units } from './fleet-count.ts';
import { PRICES } from './prices.ts';

/** What an operation requests from AWS each time. */
export interface Use extends Units {
  /** Calls of functions by hosts; 0: the sweep does it. */
  readonly calls: number;
  /** Requests to DynamoDB: the more a call makes, the longer it runs. */
  readonly requests: number;
}

export type Front = 'Function URLs' | 'HTTP API';
export const FRONTS: readonly Front[] = ['Function URLs', 'HTTP API'];

export interface Item {
  readonly what: string;
  readonly dollars: number;
}

const MILLION = 1_000_000;
const GB = 1_000_000_000;
const MONTH_MS = 30 * DAY_MS;

const { dynamo, lambda, httpApi, cloudWatch } = PRICES;

const lambdaTime = (runs: number, { seconds, megabytes }: (typeof RUNS)[keyof typeof RUNS]): number =>
  (runs * seconds * megabytes * lambda.gigabyteSecond) / 1_024;
const log = (bytes: number): number => (bytes / GB) * (cloudWatch.logs + cloudWatch.logStorage);

/** The time of the functions that hosts call or, without calls, of the sweep. */
function timeOf({ calls, requests }: Pick<Use, 'calls' | 'requests'>, times: number): number {
  if (calls === 0) return lambdaTime(requests * times, RUNS.sweptRequest);
  const further = Math.max(0, requests - calls * REQUESTS_OF_CALL);
  return lambdaTime(calls * times, RUNS.call) + lambdaTime(further * times, RUNS.request);
}

/** What the given use costs, one line for each item of the bill. */
export function itemsOf({ calls, writes, reads, requests }: Use, times: number, front: Front): Item[] {
  const called = calls * times;
  const isApi = front === 'HTTP API';
  return [
    { what: 'DynamoDB, writes', dollars: (writes * times * dynamo.writeUnits) / MILLION },
    { what: 'DynamoDB, reads', dollars: (reads * times * dynamo.readUnits) / MILLION },
    { what: 'Lambda, requests', dollars: (called * lambda.requests) / MILLION },
    { what: 'Lambda, time', dollars: timeOf({ calls, requests }, times) },
    { what: 'HTTP API', dollars: isApi ? (called * httpApi) / MILLION : 0 },
    { what: 'logs, access log', dollars: isApi ? log(called * ACCESS_LOG) : 0 },
  ];
}

export const sum = (items: readonly Item[]): number => items.reduce((total, { dollars }) => total + dollars, 0);

/** What was counted for idle hosts. */
export interface Idle {
  readonly heartbeat: Line;
  readonly hosts: Line;
  readonly walk: Line;
  /** One comparison with Docker by a host with one network. */
  readonly look: Use;
  /** Bytes of the table, the index included, for each host. */
  readonly bytes: number;
}

/** ms between periodic calls: serverless.yml, shim/host/handshake.ts (each driver asks), shim/main.ts. */
const EVERY = { sweep: 5 * MINUTE_MS, walk: 60 * MINUTE_MS, handshake: 60 * MINUTE_MS, look: 60 * MINUTE_MS } as const;
const DRIVERS = 2;

const NO_UNITS = { writes: 0, reads: 0 } as const;

/** The hourly comparisons of a fleet, in a month. @param look one comparison by one host. */
export const looksMonth = (look: Use, fleet: number, front: Front): number =>
  sum(itemsOf(look, (fleet * MONTH_MS) / EVERY.look, front));

/** The month of a fleet in which no container starts. */
export function idleMonth({ heartbeat, hosts, walk, look, bytes }: Idle, fleet: number, front: Front): Item[] {
  const by = (line: Line): Units => ({
    writes: line.fixed.writes + fleet * line.perHost.writes,
    reads: line.fixed.reads + fleet * line.perHost.reads,
  });
  const cost = (use: Use, every: number): number => sum(itemsOf(use, MONTH_MS / every, front));
  // The time of a sweep is billed below, by the run.
  const unitsCost = (units: Units, every: number): number => cost({ calls: 0, requests: 0, ...units }, every);
  const runs = MONTH_MS / EVERY.sweep;
  const sweeps = unitsCost(by(hosts), EVERY.sweep) + unitsCost(by(walk), EVERY.walk);
  const gigabytes = (fleet * bytes) / GB;
  return [
    { what: 'heartbeats', dollars: cost({ calls: fleet, requests: 0, ...by(heartbeat) }, HEARTBEAT_MS) },
    {
      what: 'questions to `capabilities`',
      dollars: cost({ calls: fleet * DRIVERS, requests: 0, ...NO_UNITS }, EVERY.handshake),
    },
    {
      what: 'looks at what Docker has',
      dollars: looksMonth(look, fleet, front),
    },
    {
      what: 'sweeps',
      dollars: sweeps + lambdaTime(runs, RUNS.sweep) + (runs * lambda.requests) / MILLION,
    },
    { what: 'storage', dollars: gigabytes * dynamo.storage },
    { what: 'point-in-time recovery', dollars: gigabytes * dynamo.pointInTimeRecovery },
    { what: 'alarms', dollars: WATCHED.alarmMetrics * cloudWatch.alarmMetric },
    { what: 'metrics', dollars: WATCHED.metrics * cloudWatch.metric },
    { what: 'dashboard', dollars: WATCHED.dashboards * cloudWatch.dashboard },
  ];
}
