/**
 * The retries of the outbox: a limited number at once, with growing pauses, from when the host is registered until the
 * outbox is stopped. A failing disk does not stop them.
 */
import PQueue from 'p-queue';
import type { Logger } from 'pino';
import type { CallSummary } from '../call-summary.ts';
import type { Verdict } from '../cloud/verdict.ts';
import { JournalError } from '../journal/journal.ts';
import { type Time, realTime } from '../time.ts';

export type Log = Pick<Logger, 'warn' | 'error'>;

const MAX_CONCURRENT_ATTEMPTS = 8;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
const MIN_WAKE_INTERVAL_MS = 1_000;

export class RetryQueue {
  readonly #log: Log;
  readonly #time: Time;
  readonly #ready: Promise<unknown>;
  readonly #queue = new PQueue({ concurrency: MAX_CONCURRENT_ATTEMPTS });
  readonly #running = new Set<Promise<unknown>>();
  readonly #stopped = new AbortController();
  /** Ends every pause: the cloud can be reached again, or a request waits for the result. */
  #wake = new AbortController();
  #woken = -Infinity;

  constructor(ready: Promise<unknown>, log: Log, time: Time = realTime) {
    this.#log = log;
    this.#time = time;
    const { signal } = this.#stopped;
    const stopped = new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
    this.#ready = Promise.race([ready, stopped]);
  }

  get isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /** Resolves when the cloud may be called, or when the queue is stopped. */
  get ready(): Promise<unknown> {
    return this.#ready;
  }

  now(): number {
    return this.#time.now();
  }

  /** Registers work that must end before the journal is closed. */
  run(work: Promise<unknown>): void {
    const ended = work
      .catch((error: unknown) => {
        this.#log.error({ err: error }, 'the outbox failed');
      })
      .finally(() => this.#running.delete(ended));
    this.#running.add(ended);
  }

  /** One attempt, when its turn comes. `undefined`: the queue is stopped. Never throws. */
  send(ask: () => Promise<Verdict>): Promise<Verdict | undefined> {
    return this.#queue.add(async () => {
      if (this.isStopped) return undefined;
      try {
        return await ask();
      } catch (error) {
        return { kind: 'failed', reason: String(error), isOpen: true, remedy: 'repeat' };
      }
    });
  }

  /** The pause before the next attempt. */
  async pause(attempt: number): Promise<void> {
    const longest = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
    await this.#time.pause(longest * (0.5 + this.#time.random() / 2), this.#wake.signal);
  }

  /** A pause that `wakeAll` does not end. */
  async rest(milliseconds: number): Promise<void> {
    await this.#time.pause(Math.max(1, milliseconds), this.#stopped.signal);
  }

  /**
   * The cloud is reachable again: ends the pauses of those that waited for it, at most once a second, so that an entry
   * that fails on its own is not repeated faster.
   */
  reached(): void {
    if (this.#time.now() - this.#woken >= MIN_WAKE_INTERVAL_MS) this.wakeAll();
  }

  wakeAll(): void {
    this.#woken = this.#time.now();
    this.#wake.abort();
    if (!this.isStopped) this.#wake = new AbortController();
  }

  failed(attempt: number, about: CallSummary, reason: string): void {
    if (attempt === 1) this.#log.warn({ ...about, reason }, 'the call did not reach the cloud and is tried again');
  }

  /** A full disk must not delay messages to the cloud: the journal is written when it can be. */
  write(record: () => void): void {
    this.run(this.#untilWritten(record));
  }

  async #untilWritten(record: () => void): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        record();
        return;
      } catch (error) {
        if (!(error instanceof JournalError)) throw error;
        if (attempt === 1) this.#log.warn({ reason: error.message }, 'the journal is written later');
      }
      if (this.isStopped) return;
      await this.pause(attempt);
    }
  }

  /** Ends all waiting, once the attempts under way are answered. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.wakeAll();
    await Promise.all(this.#running);
  }
}
