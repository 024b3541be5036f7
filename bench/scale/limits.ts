/**
 * What AWS publishes, what the stack sets, and what is assumed. The simulation takes everything else from counts or from the
 * program.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../test/support/repository.ts';
import type { Units } from '../fleet-count.ts';

/** Capacity units a second of one partition (Amazon DynamoDB Developer Guide, "Partition key design"). */
export const PARTITION: Units = { writes: 1_000, reads: 3_000 };

/** Amazon DynamoDB Developer Guide, "On-demand capacity mode", "Peak traffic and scaling properties". */
export const ON_DEMAND = {
  /** Units a second that a new table takes. */
  initial: { writes: 4_000, reads: 12_000 },
  /** A table takes at once so many times its previous peak, which is one of before this window. */
  growth: 2,
  windowMs: 1_800_000,
} as const;

export const LAMBDA = {
  /** Calls a second for each reserved execution (AWS Lambda Developer Guide, "Lambda quotas"). */
  callsPerExecution: 10,
  /** New environments of a function at once, and a second (the same, "Lambda scaling behavior": 1,000 every 10 s). */
  newAtOnce: 1_000,
  newPerSecond: 100,
  /** Memory that brings one whole processor (the same, "Configure Lambda function memory"). */
  processorMegabytes: 1_769,
} as const;

/** What nobody publishes and no run here can count. docs/scaling.md lists these. */
export const ASSUMED = {
  /** ms of a request to DynamoDB: at least, and on average beyond that (exponentially distributed). */
  requestMs: { least: 3, mean: 1 },
  /** ms of a whole processor for each request to DynamoDB (measured: docs/scaling.md, "How to read it"). */
  processorMs: 0.7,
  /** ms between a host and a function, both ways. */
  networkMs: 10,
  /** ms until a new environment takes its first call. */
  coldStartMs: 400,
  /** ms for which an environment without calls is kept. */
  idleMs: 600_000,
} as const;

export const FUNCTIONS = [
  'capabilities',
  'pools',
  'addresses',
  'hosts',
  'console',
  'viewer',
  'check',
  'sweep',
] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** What a stack sets. */
export interface Settings {
  /** Executions at the same time. */
  readonly concurrency: Readonly<Record<FunctionName, number>>;
  /** Units a second. */
  readonly table: Units;
  /** Of all functions except the sweep, and of the sweep. */
  readonly megabytes: number;
  readonly sweepMegabytes: number;
  /** ms that a function may take, except the sweep. */
  readonly timeoutMs: number;
  readonly sweepTimeoutMs: number;
  readonly sweepEveryMs: number;
  /** Address spaces that the hosts are spread over. */
  readonly spaces: number;
}

const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');

/** The numbers that follow the places in a text that match. */
function numbersAfter(text: string, place: RegExp): number[] {
  const found = [...text.matchAll(new RegExp(`${place.source}(\\d+)`, 'gm'))].map((match) => Number(match[1]));
  if (found.length === 0) throw new Error(`no number follows ${String(place)}`);
  return found;
}

const numberAfter = (text: string, place: RegExp): number => numbersAfter(text, place)[0] ?? NaN;

/** What infra/concurrency/on.yml and serverless.yml set. */
export function deployedSettings(): Settings {
  const [on, stack] = [read('infra/concurrency/on.yml'), read('serverless.yml')];
  const reserved = (name: FunctionName): number => numberAfter(on, new RegExp(`^${name}: `));
  const seconds = numbersAfter(stack, /^ {4}timeout: /);
  return {
    concurrency: {
      capabilities: reserved('capabilities'),
      pools: reserved('pools'),
      addresses: reserved('addresses'),
      hosts: reserved('hosts'),
      console: reserved('console'),
      viewer: reserved('viewer'),
      check: reserved('check'),
      sweep: reserved('sweep'),
    },
    table: { writes: numberAfter(on, /MaxWriteRequestUnits: /), reads: numberAfter(on, /MaxReadRequestUnits: /) },
    megabytes: numberAfter(stack, /^ {2}memorySize: /),
    sweepMegabytes: numberAfter(stack, /^ {4}memorySize: /),
    timeoutMs: numberAfter(stack, /pools\.handler\n.*\n {4}timeout: /) * 1_000,
    sweepTimeoutMs: Math.max(...seconds) * 1_000,
    sweepEveryMs: numberAfter(stack, /rate\(/) * 60_000,
    spaces: 1,
  };
}
