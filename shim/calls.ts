/**
 * One call of dockerd from its body to its answer. Every call is in the journal before it is sent, and its result before
 * dockerd is answered; a release is on the disk before it is tried, for Docker forgets it whatever the answer.
 */
import { setTimeout as delay } from 'node:timers/promises';
import PQueue from 'p-queue';
import { type About, aboutCall, isAutomatic, isNamed } from './about.ts';
import { type Outcome, insist } from './cloud/attempts.ts';
import type { Verdict } from './cloud/verdict.ts';
import { type Journal, JournalError, type KeptCall } from './journal/journal.ts';
import { type Request, isRelease } from './method.ts';
import type { Outbox } from './outbox.ts';
import type { RateGuard } from './rate-guard.ts';

/** What dockerd is answered. */
export interface Reply {
  readonly text: string;
  readonly about: About;
  readonly refusal: string | undefined;
  readonly attempts: number;
  /** ms for which the cloud was waited for. */
  readonly waited: number;
}

export interface CallsOptions {
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly guard: RateGuard;
  /** One attempt at a request. Never throws. */
  readonly attempt: (call: KeptCall, number: number, timeout: number) => Promise<Verdict>;
  /** Learns anew where the functions are. */
  readonly renew: (driver: KeptCall['driver']) => Promise<void>;
  /** Why nothing may be asked for. `undefined`: it may. */
  readonly barred: () => string | undefined;
  /** ms within which a call is answered. */
  readonly budget: number;
}

/** A sick cloud must not pile calls up: so many are under way, so many wait. */
const AT_ONCE = 64;
const MOST_WAITING = 512;
/** ms for which a release waits for the cloud before dockerd is answered. */
const RELEASE_PATIENCE = 1_000;
/** The share of its time that a call spends on what must be heard before it. */
const FLUSH_SHARE = 0.25;

/** Why a call is not even begun. */
class Barred extends Error {}

export class Calls {
  readonly #options: CallsOptions;
  readonly #queue = new PQueue({ concurrency: AT_ONCE });

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#queue.pending;
  }

  /** Always answers. */
  async answer(call: KeptCall): Promise<Reply> {
    const about = aboutCall(call);
    try {
      const { method } = call;
      this.#options.guard.named(about.poolId);
      return isRelease(method) ? await this.#release(call, about) : await this.#request({ ...call, method }, about);
    } catch (error) {
      if (!(error instanceof Barred || error instanceof JournalError)) throw error;
      return refused(about, error.message);
    }
  }

  async #request(call: KeptCall & { method: Request }, about: About): Promise<Reply> {
    const end = performance.now() + this.#options.budget;
    this.#refuseEarly(about);
    await this.#flush(about);
    return this.#queue.add(() => this.#ask(call, about, end - performance.now()));
  }

  #refuseEarly(about: About): void {
    const reason = this.#options.barred() ?? (isAutomatic(about) ? this.#options.guard.refusal() : undefined);
    if (reason !== undefined) throw new Barred(reason);
    if (this.#queue.size >= MOST_WAITING) {
      throw new Barred(
        `${AT_ONCE} calls wait for Berth's functions and ${MOST_WAITING} more for them: try again later`,
      );
    }
  }

  /**
   * What is asked for may be held by a release that the cloud has not heard. What is asked for by its name can be had
   * nowhere else, so it waits longer, and for what attempts of other calls may have left as well.
   */
  #flush(about: About): Promise<void> {
    const { outbox, budget } = this.#options;
    const mayHold = about.method === 'RequestAddress' ? holdsAddress(about) : holdsPool;
    if (isNamed(about)) return outbox.flush(mayHold, budget * FLUSH_SHARE);
    return outbox.flush((waiting) => isRelease(waiting.method) && mayHold(waiting), RELEASE_PATIENCE);
  }

  async #ask(call: KeptCall & { method: Request }, about: About, budget: number): Promise<Reply> {
    const { journal, attempt, renew } = this.#options;
    if (budget <= 0) throw new Barred('too many calls waited before this one: try again later');
    journal.begin(call);
    const began = performance.now();
    const outcome = await insist({
      budget,
      attempt: (number, timeout) => attempt(call, number, timeout),
      renew: () => renew(call.driver),
    });
    this.#note(call, outcome);
    if (isAutomatic(about) && outcome.last.kind === 'answered' && outcome.last.granted !== undefined) {
      this.#options.guard.granted(outcome.last.granted);
    }
    return { ...replyOf(about, outcome), waited: performance.now() - began };
  }

  /** @throws JournalError when the result cannot be kept: then nothing was granted, and what was is undone. */
  #note(call: KeptCall, { last, isOpen }: Outcome): void {
    const { journal, outbox } = this.#options;
    try {
      journal.result(call.key, { keep: last.kind === 'answered' ? last.granted : undefined, settle: isOpen });
    } catch (error) {
      outbox.settle(call);
      throw error;
    }
    if (isOpen) outbox.settle(call);
  }

  async #release(call: KeptCall, about: About): Promise<Reply> {
    const { journal, outbox } = this.#options;
    try {
      await journal.release(call);
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      return this.#releaseUnkept(call, about, error);
    }
    this.#unkeep(about);
    const isAlone = outbox.isIdle;
    const fate = outbox.release(call);
    if (!isAlone) return granted(about, 0);
    const began = performance.now();
    const soon = await Promise.race([fate, delay(RELEASE_PATIENCE, 'waiting' as const)]);
    const waited = performance.now() - began;
    return typeof soon === 'string' ? granted(about, waited) : { ...refused(about, soon.refusal), waited };
  }

  /** A release that cannot be kept is tried all the same: it is lost only if both fail, and dockerd's log says so. */
  async #releaseUnkept(call: KeptCall, about: About, error: JournalError): Promise<Reply> {
    const { attempt, budget, journal, outbox } = this.#options;
    const began = performance.now();
    const verdict = await attempt(call, 1, budget);
    const waited = performance.now() - began;
    if (verdict.kind === 'answered') {
      if (journal.find(call.key) !== undefined) journal.done(call.key);
      return verdict.refusal === undefined ? granted(about, waited) : { ...refused(about, verdict.refusal), waited };
    }
    // What is not on the disk may yet be remembered, for as long as this process lives.
    if (journal.find(call.key) !== undefined) void outbox.release(call);
    return { ...refused(about, `${error.message}; ${verdict.reason}`), waited };
  }

  /** A call that is being settled kept what is released now: nothing of it is to be kept any more. */
  #unkeep({ method, poolId, address }: About): void {
    const { journal } = this.#options;
    const released = method === 'ReleasePool' ? poolId : address;
    for (const entry of journal.entries()) {
      if (entry.kind !== 'settle' || entry.keep !== released) continue;
      const isSame = method === 'ReleasePool' || aboutCall(entry.call).poolId === poolId;
      if (isSame) journal.keepNothing(entry.call.key);
    }
  }
}

const holdsPool = ({ method }: About): boolean => method === 'ReleasePool' || method === 'RequestPool';

const holdsAddress =
  ({ poolId, address }: About) =>
  (waiting: About): boolean =>
    waiting.poolId === poolId || (address !== '' && waiting.address === address);

const granted = (about: About, waited: number): Reply => ({
  text: '{}',
  about,
  refusal: undefined,
  attempts: 1,
  waited,
});

const refused = (about: About, refusal: string): Reply => ({
  text: JSON.stringify({ Error: refusal }),
  about,
  refusal,
  attempts: 0,
  waited: 0,
});

function replyOf(about: About, { last, attempts }: Outcome): Reply {
  if (last.kind === 'answered') return { text: last.text, about, refusal: last.refusal, attempts, waited: 0 };
  const reason = attempts === 1 ? last.reason : `${last.reason} (tried ${attempts} times)`;
  return { ...refused(about, reason), attempts };
}
