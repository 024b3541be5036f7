/**
 * What has not reached the cloud yet: releases, in order for each address and each pool, and settlements of calls whose
 * attempts were not all answered. Each is tried until the cloud answers; the journal keeps it across restarts.
 */
import { type CallSummary, summaryOf } from '../call-summary.ts';
import type { Verdict } from '../cloud/verdict.ts';
import type { KeptCall } from '../journal/journal.ts';
import { type Time, within } from '../time.ts';
import { RetryQueue } from './retry-queue.ts';
import { type SettlementOptions, Settlements } from './settlements.ts';

/** How the outbox reaches the cloud. */
export interface Sender {
  release(call: KeptCall, attempt: number): Promise<Verdict>;
  settle(call: KeptCall, keep: string | undefined): Promise<Verdict>;
}

export interface OutboxOptions extends SettlementOptions {
  readonly sender: Sender;
  /** Until this resolves nothing is sent: the fleet has not yet confirmed that this machine is the host. */
  readonly ready: Promise<unknown>;
  readonly time?: Time;
}

/** The outcome of a release: it reached the cloud, was refused with a reason, or was still waiting when the shim stopped. */
export type Fate = 'heard' | 'waiting' | { readonly refusal: string };

interface Waiting {
  readonly call: KeptCall;
  readonly about: CallSummary;
  readonly fate: PromiseWithResolvers<Fate>;
}

/**
 * What a release waits for. A network waits for all releases in it; an address waits for its own earlier release, or for
 * that of its network. What those wait for is left out, so that each of a thousand releases of one address waits for one.
 *
 * @param lane the waiting releases of one pool, in the order of their calls.
 */
function predecessors(lane: readonly Waiting[], { method, address }: CallSummary): Waiting[] {
  if (method !== 'ReleasePool') {
    const last = lane.findLast(({ about }) => about.method === 'ReleasePool' || about.address === address);
    return last === undefined ? [] : [last];
  }
  const network = lane.findLastIndex(({ about }) => about.method === 'ReleasePool');
  const since = lane.slice(Math.max(0, network));
  return [...new Map(since.map((waiting) => [waiting.about.address, waiting])).values()];
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #tries: RetryQueue;
  readonly #settlements: Settlements;
  /** Releases by pool, in the order of their calls. */
  readonly #lanes = new Map<string, Waiting[]>();

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#tries = new RetryQueue(options.ready, options.log, options.time);
    this.#settlements = new Settlements(options, this.#tries);
  }

  /** Continues what an earlier run left. */
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
    const about = summaryOf(call);
    this.giveBack(about);
    const waiting = { call, about, fate: Promise.withResolvers<Fate>() };
    const lane = this.#lanes.get(about.poolId) ?? [];
    this.#lanes.set(about.poolId, lane);
    const before = predecessors(lane, about).map(({ fate }) => fate.promise);
    lane.push(waiting);
    this.#tries.run(this.#work(lane, waiting, before));
    return waiting.fate.promise;
  }

  /** A settlement no longer keeps what is being released. */
  giveBack(released: CallSummary): void {
    this.#settlements.giveBack(released);
  }

  /** Undoes what the attempts of a call left behind. */
  settle(call: KeptCall): void {
    this.#settlements.begin(call);
  }

  /** Whether something that concerns a request has not reached the fleet yet. */
  owes(concerns: (about: CallSummary) => boolean): boolean {
    return [...this.#lanes.values()].flat().some(({ about }) => concerns(about)) || this.#settlements.owes(concerns);
  }

  /**
   * Tries at once what concerns a request that is about to be sent.
   *
   * @param patience ms
   */
  async flush(concerns: (about: CallSummary) => boolean, patience: number): Promise<void> {
    const releases = [...this.#lanes.values()].flatMap((lane) => {
      const last = lane.findLast(({ about }) => concerns(about));
      return last === undefined ? [] : [last.fate.promise];
    });
    const settlements = this.#settlements.concerned(concerns);
    if (releases.length + settlements.length === 0) return;
    this.#tries.wakeAll();
    const heard = Promise.all([...releases, this.#settlements.flush(settlements)]);
    await within(patience, heard, () => undefined);
  }

  /** Ends all waiting, once the attempts under way are answered. What is left stays in the journal. */
  async stop(): Promise<void> {
    await this.#tries.stop();
    for (const { fate } of [...this.#lanes.values()].flat()) fate.resolve('waiting');
  }

  async #work(lane: Waiting[], waiting: Waiting, before: readonly Promise<Fate>[]): Promise<void> {
    const fates = await Promise.all([this.#tries.ready, ...before]);
    const fate = fates.includes('waiting') ? 'waiting' : await this.#deliver(waiting);
    if (fate !== 'waiting') {
      lane.splice(lane.indexOf(waiting), 1);
      if (lane.length === 0) this.#lanes.delete(waiting.about.poolId);
    }
    waiting.fate.resolve(fate);
  }

  /** Tries until the cloud takes or refuses the release. */
  async #deliver({ call, about }: Waiting): Promise<Fate> {
    const { journal, sender } = this.#options;
    for (let attempt = 1; ; attempt++) {
      if (journal.find(call.key) === undefined) return 'heard';
      const verdict = await this.#tries.send(() => sender.release(call, attempt));
      if (verdict === undefined) return 'waiting';
      if (verdict.kind === 'answered') {
        this.#tries.reached();
        return this.#conclude(call, about, verdict.refusal);
      }
      this.#tries.failed(attempt, about, verdict.reason);
      await this.#tries.pause(attempt);
    }
  }

  #conclude({ key }: KeptCall, about: CallSummary, refusal: string | undefined): Fate {
    const { journal, log } = this.#options;
    if (refusal === undefined) {
      this.#tries.write(() => {
        journal.done(key);
      });
      return 'heard';
    }
    log.error({ ...about, reason: refusal }, 'a release was refused: it is put into the dead letters');
    this.#tries.write(() => {
      journal.deadLetter(key, refusal);
    });
    return { refusal };
  }
}
