/**
 * Handles one call of dockerd, from its body to its answer. The journal contains every call before it is sent, and its
 * result before dockerd is answered. A release is on the disk before it is tried, since Docker forgets it whatever the
 * answer.
 */
import PQueue from 'p-queue';
import { type Request, isRelease } from '../../protocol/methods.ts';
import { type CallSummary, isAutomatic, isNamed, summaryOf } from '../call-summary.ts';
import { type Outcome, retryWithin } from '../cloud/retry.ts';
import type { Verdict } from '../cloud/verdict.ts';
import type { KnownNetworks } from '../host/known-networks.ts';
import { type Journal, JournalError, type KeptCall } from '../journal/journal.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { holds, mayMakeRoom, unlessHeld } from '../outbox/own-releases.ts';
import { within } from '../time.ts';
import type { RateGuard } from './pool-loop-guard.ts';

/** The answer to dockerd. */
export interface Reply {
  readonly text: string;
  readonly about: CallSummary;
  readonly refusal: string | undefined;
  readonly attempts: number;
  /** ms that the call waited for the cloud. */
  readonly waited: number;
}

/** The connection that waits for the answer. */
export interface Asker {
  /** When the time is over, on the clock of performance.now(). */
  readonly until: number;
  /** Aborted when dockerd no longer waits: a later answer reaches no one. */
  readonly gone: AbortSignal;
}

export interface CallsOptions {
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly guard: RateGuard;
  /** One attempt at a request. Never throws. */
  readonly attempt: (call: KeptCall, number: number, timeout: number) => Promise<Verdict>;
  /** Asks again where the functions are, or registers this host again. */
  readonly renew: (driver: KeptCall['driver'], remedy: 'renew' | 'register') => Promise<void>;
  /** The networks that dockerd was given. */
  readonly networks: Pick<KnownNetworks, 'granted' | 'released'>;
  /** Called when the fleet has given up a network that dockerd still has. */
  readonly lost: () => void;
  /** Why requests are refused. `undefined`: they are not. */
  readonly barred: () => string | undefined;
}

/** Limits of the calls under way and of those that wait, so that calls do not pile up when the cloud is slow. */
const MAX_CONCURRENT_CALLS = 64;
const MAX_WAITING_CALLS = 512;
/** ms for which a release waits for the cloud before dockerd is answered. */
const RELEASE_PATIENCE_MS = 1_000;
/** The share of its time that a call spends on delivering what must reach the cloud before it. */
const FLUSH_SHARE = 0.25;

/** Why a call is not begun. */
class Barred extends Error {}

export class Calls {
  readonly #options: CallsOptions;
  readonly #queue = new PQueue({ concurrency: MAX_CONCURRENT_CALLS });
  /** Requests that have no answer yet. */
  #open = 0;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#queue.pending;
  }

  /** dockerd asks for the default address spaces, as it does before each network. */
  spacesAsked(): void {
    this.#options.guard.asked();
  }

  /** Always answers. */
  async answer(call: KeptCall, asker: Asker): Promise<Reply> {
    const about = summaryOf(call);
    try {
      const { method } = call;
      this.#options.guard.named(about.poolId);
      if (isRelease(method)) return await this.#release(call, about, asker);
      return await this.#request({ ...call, method }, about, asker);
    } catch (error) {
      if (!(error instanceof Barred || error instanceof JournalError)) throw error;
      return refused(about, error.message);
    }
  }

  async #request(call: KeptCall & { method: Request }, about: CallSummary, asker: Asker): Promise<Reply> {
    this.#refuseEarly(about);
    this.#open++;
    try {
      await this.#flush(about, asker);
      return await this.#queue.add(() => this.#ask(call, about, asker));
    } finally {
      this.#open--;
    }
  }

  #refuseEarly(about: CallSummary): void {
    const reason = this.#options.barred() ?? (isAutomatic(about) ? this.#options.guard.refusal() : undefined);
    if (reason !== undefined) throw new Barred(reason);
    if (this.#open >= MAX_CONCURRENT_CALLS + MAX_WAITING_CALLS) {
      throw new Barred(
        `${MAX_CONCURRENT_CALLS} calls wait for Berth's functions and ${MAX_WAITING_CALLS} more are queued; try again later`,
      );
    }
  }

  /** A subnet or an address that was asked for by name has no substitute, so the request waits longer for it to become free. */
  #flush(about: CallSummary, asker: Asker): Promise<void> {
    const patience = isNamed(about) ? left(asker) * FLUSH_SHARE : RELEASE_PATIENCE_MS;
    return this.#options.outbox.flush(mayMakeRoom(about), patience);
  }

  async #ask(call: KeptCall & { method: Request }, about: CallSummary, asker: Asker): Promise<Reply> {
    const { journal, renew, guard } = this.#options;
    const budget = left(asker);
    if (budget <= 0) throw new Barred('the call waited too long behind other calls; try again later');
    if (asker.gone.aborted) throw new Barred('dockerd no longer waits for the answer');
    journal.begin(call);
    const began = performance.now();
    const outcome = await retryWithin({
      budget,
      attempt: (number, timeout) => this.#attempt(call, about, number, timeout),
      renew: (remedy) => renew(call.driver, remedy),
    });
    this.#note(call, outcome, asker);
    if (isAutomatic(about) && outcome.last.kind === 'answered' && outcome.last.granted !== undefined) {
      guard.granted(outcome.last.granted);
    }
    return { ...replyOf(about, outcome), waited: performance.now() - began };
  }

  /** A refusal is final only once the fleet has received this host's own release of the same thing; until then, a retry. */
  async #attempt(call: KeptCall, about: CallSummary, number: number, timeout: number): Promise<Verdict> {
    const { outbox, attempt } = this.#options;
    const end = performance.now() + timeout;
    const isHeld = holds(about);
    if (number > 1) await outbox.flush(isHeld, Math.min(RELEASE_PATIENCE_MS, timeout * FLUSH_SHARE));
    const isOwed = outbox.owes(isHeld);
    const verdict = await attempt(call, number, Math.max(1, end - performance.now()));
    return isOwed ? unlessHeld(verdict) : verdict;
  }

  /** @throws JournalError when the result cannot be written: dockerd then gets an error, and what was granted is undone. */
  #note(call: KeptCall, { last, isOpen }: Outcome, { gone }: Asker): void {
    const { journal, outbox } = this.#options;
    const given = last.kind === 'answered' ? last.granted : undefined;
    // dockerd cannot release what it never received.
    const isLost = given !== undefined && gone.aborted;
    const settle = isOpen || isLost;
    if (call.method === 'RequestPool' && given !== undefined && !isLost) this.#options.networks.granted(given);
    if (last.kind === 'answered' && last.code === 'pool-gone') this.#options.lost();
    try {
      journal.result(call.key, { keep: isLost ? undefined : given, settle });
    } catch (error) {
      outbox.settle(call);
      throw error;
    }
    if (settle) outbox.settle(call);
  }

  async #release(call: KeptCall, about: CallSummary, asker: Asker): Promise<Reply> {
    const { journal, outbox, networks } = this.#options;
    const failure = await unlessWritten(journal.release(call));
    if (call.method === 'ReleasePool') networks.released(about.poolId);
    if (failure !== undefined && journal.find(call.key) === undefined) {
      return this.#releaseUnkept(call, about, asker, failure);
    }
    const isAlone = outbox.isIdle;
    const fate = outbox.release(call);
    if (failure === undefined && !isAlone) return granted(about, 0);
    const began = performance.now();
    // A release that is not on the disk is lost if this process ends, so dockerd's log should say so.
    const patience = failure === undefined ? RELEASE_PATIENCE_MS : left(asker);
    const soon = await within(patience, fate, () => 'waiting' as const);
    const waited = performance.now() - began;
    if (typeof soon !== 'string') return { ...refused(about, soon.refusal), waited };
    if (soon === 'heard' || failure === undefined) return granted(about, waited);
    return { ...refused(about, `${failure.message}; the release has not reached the cloud yet`), waited };
  }

  /** A release that the journal does not take is sent all the same. It is lost only if both fail, and dockerd logs that. */
  async #releaseUnkept(call: KeptCall, about: CallSummary, asker: Asker, failure: JournalError): Promise<Reply> {
    const { attempt, outbox } = this.#options;
    outbox.giveBack(about);
    const began = performance.now();
    const verdict = await attempt(call, 1, Math.max(1, left(asker)));
    const waited = performance.now() - began;
    if (verdict.kind === 'failed') return { ...refused(about, `${failure.message}; ${verdict.reason}`), waited };
    return verdict.refusal === undefined ? granted(about, waited) : { ...refused(about, verdict.refusal), waited };
  }
}

/** ms */
const left = ({ until }: Asker): number => until - performance.now();

const unlessWritten = (written: Promise<void>): Promise<JournalError | undefined> =>
  written.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof JournalError) return error;
      throw error;
    },
  );

const granted = (about: CallSummary, waited: number): Reply => ({
  text: '{}',
  about,
  refusal: undefined,
  attempts: 1,
  waited,
});

const refused = (about: CallSummary, refusal: string): Reply => ({
  text: JSON.stringify({ Error: refusal }),
  about,
  refusal,
  attempts: 0,
  waited: 0,
});

function replyOf(about: CallSummary, { last, attempts }: Outcome): Reply {
  if (last.kind === 'answered') return { text: last.text, about, refusal: last.refusal, attempts, waited: 0 };
  const reason = attempts === 1 ? last.reason : `${last.reason} (tried ${attempts} times)`;
  return { ...refused(about, reason), attempts };
}
