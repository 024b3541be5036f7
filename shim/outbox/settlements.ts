/** Calls whose attempts were not all answered: what they may have left behind is undone, except for dockerd's answer. */
import { type CallSummary, summaryOf } from '../call-summary.ts';
import type { Verdict } from '../cloud/verdict.ts';
import type { Journal, KeptCall } from '../journal/journal.ts';
import type { Log, RetryQueue } from './retry-queue.ts';

export interface SettlementOptions {
  readonly journal: Journal;
  readonly sender: { settle(call: KeptCall, keep: string | undefined): Promise<Verdict> };
  readonly log: Log;
  /** ms after which no attempt of a call that was given up can take effect any more. */
  readonly inFlightBound: number;
}

interface Settlement {
  readonly about: CallSummary;
  /** dockerd has released what it was given: nothing is to be kept any more. */
  isGivenBack: boolean;
  /** The attempt under way; resolves to whether nothing is left to settle. */
  sending: Promise<boolean> | undefined;
  /** The fleet has carried it out at least once; what takes effect after that is undone later. */
  isHeard: boolean;
}

export class Settlements {
  readonly #options: SettlementOptions;
  readonly #tries: RetryQueue;
  /** By the keys of their calls. */
  readonly #open = new Map<string, Settlement>();

  constructor(options: SettlementOptions, tries: RetryQueue) {
    this.#options = options;
    this.#tries = tries;
  }

  /** Settles at once, and again when no attempt can take effect any more. */
  begin(call: KeptCall): void {
    const { key } = call;
    if (this.#open.has(key)) return;
    const settlement = { about: summaryOf(call), isGivenBack: false, sending: undefined, isHeard: false };
    this.#open.set(key, settlement);
    this.#tries.run(this.#settleTwice(key, settlement));
  }

  /** If a call that is being settled kept what is released now, it keeps nothing any more. */
  giveBack({ method, poolId, address }: CallSummary): void {
    const { journal } = this.#options;
    for (const [key, settlement] of this.#open) {
      const entry = journal.find(key);
      if (entry?.kind !== 'settle') continue;
      const isPool = method === 'ReleasePool' && entry.keep === poolId;
      const isAddress = entry.keep === address && settlement.about.poolId === poolId;
      if (!isPool && !isAddress) continue;
      settlement.isGivenBack = true;
      this.#tries.write(() => {
        journal.keepNothing(key);
      });
    }
  }

  concerned(concerns: (about: CallSummary) => boolean): string[] {
    return [...this.#open].flatMap(([key, { about }]) => (concerns(about) ? [key] : []));
  }

  /** Whether a settlement that concerns something has never reached the fleet. */
  owes(concerns: (about: CallSummary) => boolean): boolean {
    return [...this.#open.values()].some(({ about, isHeard }) => !isHeard && concerns(about));
  }

  /** Tries at once. Callers that need the same settlement share one attempt. */
  async flush(keys: readonly string[]): Promise<void> {
    await this.#tries.ready;
    const attempts = keys.flatMap((key) => {
      const settlement = this.#open.get(key);
      return settlement === undefined ? [] : [settlement.sending ?? this.#settleOnce(key, settlement, 1)];
    });
    await Promise.all(attempts);
  }

  async #settleTwice(key: string, settlement: Settlement): Promise<void> {
    await this.#tries.ready;
    const due = this.#tries.now() + this.#options.inFlightBound;
    for (let attempt = 1; !this.#tries.isStopped; attempt++) {
      const isLast = this.#tries.now() >= due;
      const isSettled = await this.#settleOnce(key, settlement, attempt);
      if (isSettled && isLast) {
        this.#open.delete(key);
        this.#tries.write(() => {
          this.#options.journal.done(key);
        });
        return;
      }
      if (isSettled) await this.#tries.rest(due - this.#tries.now());
      else await this.#tries.pause(attempt);
    }
  }

  #settleOnce(key: string, settlement: Settlement, attempt: number): Promise<boolean> {
    const sending = this.#send(key, settlement, attempt).finally(() => {
      if (settlement.sending === sending) settlement.sending = undefined;
    });
    settlement.sending = sending;
    this.#tries.run(sending);
    return sending;
  }

  /** @returns whether nothing is left to settle, for now. */
  async #send(key: string, settlement: Settlement, attempt: number): Promise<boolean> {
    const { journal, sender, log } = this.#options;
    const entry = journal.find(key);
    if (entry === undefined) return true;
    const verdict = await this.#tries.send(() => {
      // Read again when its turn comes, at each attempt, since it may have been released.
      const keep = entry.kind === 'settle' && !settlement.isGivenBack ? entry.keep : undefined;
      return sender.settle(entry.call, keep);
    });
    if (verdict === undefined) return false;
    if (verdict.kind === 'failed') {
      this.#tries.failed(attempt, settlement.about, verdict.reason);
      return false;
    }
    this.#tries.reached();
    settlement.isHeard = true;
    const { refusal } = verdict;
    if (refusal === undefined) return true;
    log.error({ ...settlement.about, reason: refusal }, 'a settlement was refused: it is put into the dead letters');
    this.#tries.write(() => {
      journal.deadLetter(key, refusal);
    });
    return true;
  }
}
