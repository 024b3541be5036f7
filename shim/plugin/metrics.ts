/** The shim's metrics for Prometheus. */
import { type Server, createServer } from 'node:http';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Method } from '../../protocol/methods.ts';
import type { Journal } from '../journal/journal.ts';

export interface MetricSources {
  readonly journal: Pick<Journal, 'stats'>;
  readonly inFlight: () => number;
  readonly isReached: () => boolean;
  /** The differences between Docker and the table that the last comparison found. */
  readonly findings: () => readonly { readonly kind: string }[];
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #calls: Counter<'method' | 'outcome'>;
  readonly #seconds: Histogram<'method'>;
  readonly #attempts: Counter<'method'>;

  constructor(sources: MetricSources) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry, prefix: 'berth_shim_' });
    this.#calls = new Counter({
      name: 'berth_shim_calls_total',
      help: 'Calls of dockerd, by outcome',
      labelNames: ['method', 'outcome'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'berth_shim_call_duration_seconds',
      help: 'Time from a call of dockerd to its answer',
      labelNames: ['method'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
      registers,
    });
    this.#attempts = new Counter({
      name: 'berth_shim_attempts_total',
      help: 'Requests to the functions, including retries',
      labelNames: ['method'],
      registers,
    });
    new Gauge({
      name: 'berth_shim_reconcile_findings',
      help: 'Differences between Docker and the table that the last comparison found (see berth doctor)',
      labelNames: ['kind'],
      registers,
      collect() {
        this.reset();
        for (const { kind } of sources.findings()) this.inc({ kind });
      },
    });
    for (const { name, help, read } of gaugesOf(sources)) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    }
  }

  called(method: Method, outcome: 'answered' | 'refused' | 'failed', milliseconds: number, attempts: number): void {
    this.#calls.inc({ method, outcome });
    this.#seconds.observe({ method }, milliseconds / 1_000);
    this.#attempts.inc({ method }, attempts);
  }

  /** Serves them under `/metrics`. */
  server(): Server {
    return createServer((request, response) => {
      if (request.url !== '/metrics') {
        response.writeHead(404).end('see /metrics\n');
        return;
      }
      this.#registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': this.#registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    });
  }
}

const gaugesOf = ({ journal, inFlight, isReached }: MetricSources) => [
  { name: 'berth_shim_in_flight', help: 'Calls that are waiting for the functions', read: inFlight },
  {
    name: 'berth_shim_cloud_up',
    help: 'Whether the functions answered the last request',
    read: () => Number(isReached()),
  },
  {
    name: 'berth_shim_journal_depth',
    help: 'Calls that have not reached the cloud yet',
    read: () => journal.stats.depth,
  },
  { name: 'berth_shim_journal_bytes', help: 'Size of the journal', read: () => journal.stats.bytes },
  {
    name: 'berth_shim_journal_oldest_seconds',
    help: 'Age of the oldest call that has not reached the cloud yet; 0 without one',
    read: () => oldestSeconds(journal),
  },
  {
    name: 'berth_shim_journal_failing',
    help: 'Whether the journal cannot be written',
    read: () => Number(journal.stats.failing !== undefined),
  },
  {
    name: 'berth_shim_dead_letters',
    help: 'Releases and settlements that were refused',
    read: () => journal.stats.deadLetters,
  },
];

export function oldestSeconds({ stats: { oldest } }: Pick<Journal, 'stats'>): number {
  return oldest === undefined ? 0 : Math.max(0, (Date.now() - oldest) / 1_000);
}
