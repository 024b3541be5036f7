/** A host with its shim: the retries are the shim's own, in virtual time. */
import { HEARTBEAT_MS } from '../../functions/ipam/host.ts';
import { type Outcome, retryWithin } from '../../shim/cloud/retry.ts';
import type { Verdict } from '../../shim/cloud/verdict.ts';
import type { Caller, Cloud } from './cloud.ts';
import type { Operation } from './traces.ts';
import type { VirtualTime } from './virtual-time.ts';

/** ms within which dockerd is answered, unless `--deadline` says otherwise (shim/commands/options.ts). */
const DEADLINE_MS = 20_000;
/** ms that the shim waits for a function (shim/host/functions-client.ts), and after which it settles again (the options). */
const ANSWER_MS = 11_000;
const IN_FLIGHT_MS = 35_000;
/** Calls of dockerd at the same time (shim/plugin/calls.ts). */
const MAX_CALLS = 64;
/** ms until a host that failed registers again, and between two registrations (shim/host/registration.ts). */
const REGISTER_AGAIN_MS = 5_000;
const MIN_REGISTER_MS = 1_000;
/** ms until the next comparison with Docker, and after one that failed (shim/reconcile/reconciler.ts, shim/commands/options.ts). */
export const COMPARE_MS = 3_600_000;
const COMPARE_AGAIN_MS = 60_000;
/** Of the outbox: attempts at the same time, ms of its pauses, and between two times that all end (shim/outbox/retry-queue.ts). */
const MAX_ATTEMPTS = 8;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
const WAKE_MS = 1_000;

/** Lets a limited number of activities run at the same time; the others wait in turn. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(free: number) {
    this.#free = free;
  }

  async pass<T>(activity: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await activity();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

export interface HostOptions {
  readonly time: VirtualTime;
  readonly cloud: Cloud;
  readonly caller: Caller;
  readonly isRegistered: boolean;
}

export class SimulatedHost {
  readonly #options: HostOptions;
  readonly #calls = new Gate(MAX_CALLS);
  readonly #attempts = new Gate(MAX_ATTEMPTS);
  /** Ends the pauses of the outbox. */
  readonly #pausing = new Set<() => void>();
  #wokenAt = -Infinity;
  #unregistered = 'the host is not registered yet';
  readonly #registered = Promise.withResolvers<undefined>();
  #isRegistered: boolean;
  #registering: Promise<void> | undefined;
  #registeredAt = -Infinity;
  #turn = 0;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#isRegistered = options.isRegistered;
    if (options.isRegistered) this.#registered.resolve(undefined);
  }

  /** Its shim starts: it registers and compares. The handshakes are on disk, and only refreshed. */
  boot(): void {
    const { time } = this.#options;
    for (let driver = 0; driver < 2; driver++) void this.#ask('handshake', ANSWER_MS);
    void this.register();
    time.start(0, () => this.#registered.promise.then(() => this.compare()));
  }

  /** Registers, and again with each heartbeat; sooner after a failure. */
  register(): Promise<void> {
    this.#registering ??= this.#register().finally(() => {
      this.#registering = undefined;
    });
    return this.#registering;
  }

  /** Compares with Docker until that succeeds: what its networks hold, and whether there are others. */
  async compare(): Promise<void> {
    while (!((await this.#tenaciously('holdings')) && (await this.#tenaciously('networks')))) {
      await this.#options.time.pause(COMPARE_AGAIN_MS);
    }
  }

  /** A driver of the shim asks `capabilities`, once: what it knows serves as well. */
  async handshake(): Promise<void> {
    const { tally } = this.#options.cloud;
    tally.offered++;
    const verdict = await this.#ask('handshake', ANSWER_MS);
    if (verdict.kind === 'failed') tally.failed(verdict.reason);
  }

  /** A call of dockerd. @returns whether it was granted. */
  async request(operation: Operation): Promise<boolean> {
    const { time, cloud } = this.#options;
    const { tally } = cloud;
    const began = time.now();
    tally.offered++;
    if (operation === 'requestAddress') tally.wanted++;
    const outcome = await this.#calls.pass(() => this.#retried(operation, began + DEADLINE_MS - time.now()));
    const isGranted = outcome?.last.kind === 'answered';
    if (outcome?.isOpen === true) this.#settle();
    if (!isGranted) tally.failed(outcome?.last.kind === 'failed' ? outcome.last.reason : 'the calls before it');
    else if (operation === 'requestAddress') tally.took.push(time.now() - began);
    tally.answeredAt = time.now();
    return isGranted;
  }

  /**
   * A release, which the shim delivers however long that takes.
   *
   * @param attempts that have failed before.
   */
  async release(operation: Operation, attempts = 0): Promise<void> {
    const { time, cloud } = this.#options;
    await this.#registered.promise;
    for (let attempt = attempts; ;) {
      if (attempt > 0) await this.#pause(attempt);
      attempt++;
      const verdict = await this.#attempts.pass(() => this.#ask(operation, ANSWER_MS));
      if (verdict.kind === 'answered') break;
    }
    cloud.tally.delivered++;
    cloud.tally.deliveredAt = time.now();
    if (time.now() - this.#wokenAt < WAKE_MS) return;
    this.#wokenAt = time.now();
    for (const end of this.#pausing) end();
    this.#pausing.clear();
  }

  async #pause(attempt: number): Promise<void> {
    const { time } = this.#options;
    const longest = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
    await new Promise<void>((resolve) => {
      this.#pausing.add(resolve);
      time.start(longest * (0.5 + time.random() / 2), () => {
        this.#pausing.delete(resolve);
        resolve();
      });
    });
  }

  /** A call whose outcome is not known is undone, and again once none of its attempts can be under way. */
  #settle(): void {
    const { time } = this.#options;
    for (const pause of [0, IN_FLIGHT_MS]) time.start(pause, () => this.release('settle'));
  }

  async #retried(operation: Operation, budget: number): Promise<Outcome | undefined> {
    if (budget <= 0) return undefined;
    const attempt = (_: number, timeout: number): Promise<Verdict> => this.#once(operation, timeout);
    return retryWithin({ budget, attempt, renew: () => Promise.resolve(), time: this.#options.time });
  }

  async #tenaciously(operation: Operation): Promise<boolean> {
    return (await this.#retried(operation, DEADLINE_MS))?.last.kind === 'answered';
  }

  /** Once this host is registered, as in shim/serve.ts. */
  async #once(operation: Operation, timeout: number): Promise<Verdict> {
    const { time } = this.#options;
    const began = time.now();
    if (!this.#isRegistered) await this.#renew();
    if (!this.#isRegistered) return { kind: 'failed', reason: this.#unregistered, isOpen: false, remedy: 'repeat' };
    return this.#ask(operation, timeout - (time.now() - began));
  }

  async #ask(operation: Operation, timeout: number): Promise<Verdict> {
    const { time, cloud, caller } = this.#options;
    const began = time.now();
    const verdict = await cloud.call(operation, caller);
    if (verdict.kind === 'failed' || time.now() - began <= timeout) return verdict;
    return { kind: 'failed', reason: "the shim's patience", isOpen: true, remedy: 'repeat' };
  }

  async #renew(): Promise<void> {
    const { time } = this.#options;
    const early = this.#registeredAt + MIN_REGISTER_MS - time.now();
    if (this.#registering === undefined && early > 0) await time.pause(early);
    await this.register();
  }

  async #register(): Promise<void> {
    const { time, cloud } = this.#options;
    this.#registeredAt = time.now();
    const turn = ++this.#turn;
    const verdict = await this.#ask('register', ANSWER_MS);
    const isDone = verdict.kind === 'answered';
    if (!isDone) this.#unregistered = verdict.reason;
    if (isDone && !this.#isRegistered) {
      this.#isRegistered = true;
      cloud.tally.registeredAt = time.now();
      this.#registered.resolve(undefined);
    }
    time.start((isDone ? HEARTBEAT_MS : REGISTER_AGAIN_MS) * (0.9 + time.random() / 5), async () => {
      if (turn === this.#turn) await this.register();
    });
  }
}
