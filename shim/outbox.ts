/**
 * What the cloud has yet to hear: releases, in order for each pool, and settlements of calls whose attempts were not all
 * answered. Tried until it is heard; the journal remembers it over restarts.
 */
import { setTimeout as delay } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { Logger } from 'pino';
import { type About, aboutCall } from './about.ts';
import type { Verdict } from './cloud/verdict.ts';
import type { Journal, KeptCall } from './journal/journal.ts';

/** How the outbox reaches the cloud. Never throws. */
export interface Sender {
  release(call: KeptCall, attempt: number): Promise<Verdict>;
  settle(call: KeptCall, keep: string | undefined): Promise<Verdict>;
}

export interface OutboxOptions {
  readonly journal: Journal;
  readonly sender: Sender;
  readonly log: Logger;
  /** Until this resolves nothing is sent: the fleet has yet to say whether this host is who it says. */
  readonly ready: Promise<undefined>;
  /** ms from which on no attempt of a call that was given up can land any more. */
  readonly inFlightBound: number;
}

/** What became of a release: heard, refused with a reason, or still on its way when the shim was stopped. */
export type Fate = 'heard' | 'waiting' | { readonly refusal: string };

interface Waiting {
  readonly call: KeptCall;
  readonly about: About;
  readonly fate: PromiseWithResolvers<Fate>;
}

const AT_ONCE = 8;
/** ms */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
const LEAST_BETWEEN_WAKES = 1_000;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #queue = new PQueue({ concurrency: AT_ONCE });
  /** Releases by pool, each lane in the order of its calls. */
  readonly #lanes = new Map<string, Waiting[]>();
  /** Calls that are being settled, by their keys. */
  readonly #settlements = new Map<string, About>();
  readonly #stopped = new AbortController();
  /** Ends every pause: the cloud can be reached again, or somebody needs to know now. */
  #wake = new AbortController();
  #woken = -Infinity;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier run has left. */
  resume(): void {
    for (const { kind, call } of this.#options.journal.entries()) {
      if (kind === 'release') void this.release(call);
      else this.settle(call);
    }
  }

  /** Whether no release waits. */
  get isIdle(): boolean {
    return this.#lanes.size === 0;
  }

  /** Delivers a release that is in the journal. */
  release(call: KeptCall): Promise<Fate> {
    const about = aboutCall(call);
    const waiting = { call, about, fate: Promise.withResolvers<Fate>() };
    const lane = this.#lanes.get(about.poolId);
    if (lane !== undefined) {
      lane.push(waiting);
    } else {
      const started = [waiting];
      this.#lanes.set(about.poolId, started);
      void this.#work(about.poolId, started);
    }
    return waiting.fate.promise;
  }

  /** Undoes what attempts of a call have left, at once and again when none can land any more. */
  settle(call: KeptCall): void {
    if (this.#settlements.has(call.key)) return;
    this.#settlements.set(call.key, aboutCall(call));
    void this.#settleTwice(call);
  }

  /**
   * Tries at once what concerns something that is about to be asked for by its name.
   *
   * @param patience ms
   */
  async flush(concerns: (about: About) => boolean, patience: number): Promise<void> {
    const releases = [...this.#lanes.values()].flatMap((lane) => {
      const last = lane.findLast(({ about }) => concerns(about));
      return last === undefined ? [] : [last.fate.promise];
    });
    const settled = [...this.#settlements].flatMap(([key, about]) =>
      concerns(about) ? [this.#settleOnce(key, 1)] : [],
    );
    if (releases.length + settled.length === 0) return;
    this.#wakeAll();
    const enough = new AbortController();
    const patient = delay(patience, undefined, { signal: enough.signal }).catch(() => undefined);
    await Promise.race([Promise.all([...releases, ...settled]), patient]);
    enough.abort();
  }

  /** Ends all waiting; what is being sent is answered first. What is left stays in the journal. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#queue.onIdle();
    for (const { fate } of [...this.#lanes.values()].flat()) fate.resolve('waiting');
  }

  async #work(pool: string, lane: Waiting[]): Promise<void> {
    for (let next = lane[0]; next !== undefined; next = lane[0]) {
      const fate = await this.#deliver(next);
      if (fate === 'waiting') return;
      lane.shift();
      if (lane.length === 0) this.#lanes.delete(pool);
      next.fate.resolve(fate);
    }
  }

  /** Tries until the release is heard or refused. */
  async #deliver({ call, about }: Waiting): Promise<Fate> {
    await this.#ready();
    for (let attempt = 1; !this.#isStopped(); attempt++) {
      if (this.#options.journal.find(call.key) === undefined) return 'heard';
      const verdict = await this.#queue.add(() => this.#options.sender.release(call, attempt));
      if (verdict.kind === 'answered') {
        this.#reached();
        return this.#conclude(call, about, verdict.refusal);
      }
      this.#tell(attempt, about, verdict.reason);
      await this.#pause(attempt);
    }
    return 'waiting';
  }

  #conclude(call: KeptCall, about: About, refusal: string | undefined): Fate {
    const { journal, log } = this.#options;
    if (refusal === undefined) {
      journal.done(call.key);
      return 'heard';
    }
    log.error({ ...about, reason: refusal }, 'a release was refused: it is put into the dead letters');
    journal.deadLetter(call.key, refusal);
    return { refusal };
  }

  async #settleTwice({ key }: KeptCall): Promise<void> {
    await this.#ready();
    const due = performance.now() + this.#options.inFlightBound;
    for (let attempt = 1; !this.#isStopped(); attempt++) {
      const isLast = performance.now() >= due;
      const isSettled = await this.#settleOnce(key, attempt);
      if (isSettled && isLast) {
        this.#options.journal.done(key);
        this.#settlements.delete(key);
        return;
      }
      if (isSettled) await this.#rest(due - performance.now());
      else await this.#pause(attempt);
    }
  }

  /** What to keep is asked of the journal each time: it may have been released since. */
  async #settleOnce(key: string, attempt: number): Promise<boolean> {
    const { journal, sender, log } = this.#options;
    const entry = journal.find(key);
    if (entry === undefined) return true;
    const keep = entry.kind === 'settle' ? entry.keep : undefined;
    const verdict = await this.#queue.add(() => sender.settle(entry.call, keep));
    const about = aboutCall(entry.call);
    if (verdict.kind === 'failed') {
      this.#tell(attempt, about, verdict.reason);
      return false;
    }
    this.#reached();
    if (verdict.refusal !== undefined) {
      log.error({ ...about, reason: verdict.refusal }, 'a settlement was refused: it is put into the dead letters');
      journal.deadLetter(key, verdict.refusal);
    }
    return true;
  }

  #tell(attempt: number, about: About, reason: string): void {
    if (attempt === 1) this.#options.log.warn({ ...about, reason }, 'the cloud has not heard it: it is tried again');
  }

  async #ready(): Promise<void> {
    const { signal } = this.#stopped;
    if (signal.aborted) return;
    const stopped = new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
    await Promise.race([this.#options.ready, stopped]);
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #pause(attempt: number): Promise<void> {
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1));
    const either = AbortSignal.any([this.#stopped.signal, this.#wake.signal]);
    await delay(longest * (0.5 + Math.random() / 2), undefined, { signal: either }).catch(() => undefined);
  }

  async #rest(milliseconds: number): Promise<void> {
    await delay(Math.max(1, milliseconds), undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }

  /** Who waits for a cloud that was not to be reached need not wait any longer; who fails for himself is not hurried. */
  #reached(): void {
    if (performance.now() - this.#woken < LEAST_BETWEEN_WAKES) return;
    this.#wakeAll();
  }

  #wakeAll(): void {
    this.#woken = performance.now();
    this.#wake.abort();
    this.#wake = new AbortController();
  }
}
