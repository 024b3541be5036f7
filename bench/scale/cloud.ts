/** The functions and their table, as calls meet them: environments that start, limits that refuse, requests that take time. */
import { withRetries } from '../../functions/dynamo/retry.ts';
import { allSettledOrThrow } from '../../functions/ipam/all-settled.ts';
import { HINT_LIFETIME_MS } from '../../functions/ipam/hosts/binding.ts';
import type { Verdict } from '../../shim/cloud/verdict.ts';
import { ASSUMED, FUNCTIONS, type FunctionName, LAMBDA, type Settings } from './limits.ts';
import type { Units } from '../fleet-count.ts';
import { Bucket, TableLimits } from './table-limits.ts';
import { Tally } from './tally.ts';
import { type Operation, type Place, type Step, type Trace, type Traces, functionOf } from './traces.ts';
import type { VirtualTime } from './virtual-time.ts';

/** The partitions that a caller shares with others, by their kinds, and an item that many write on its exact value. */
export interface Caller {
  readonly id: string;
  readonly shares: Partial<Record<Place, string>>;
  readonly exactItem?: string;
}

/** An environment of a function, in which one call runs at a time. */
interface Environment {
  idleSince: number;
  /** When it looked up to whom each host is bound (ms). */
  readonly bound: Map<string, number>;
}

interface Service {
  readonly concurrency: number;
  readonly rate: Bucket;
  readonly starts: Bucket;
  /** The one that was used last is at the end. */
  readonly idle: Environment[];
  busy: number;
}

export interface CloudOptions {
  readonly time: VirtualTime;
  readonly traces: Traces;
  readonly settings: Settings;
  readonly weight: number;
  readonly previousPeak: Units;
}

/** A request to the table that was refused for now. Made once for each cause, since thousands are thrown. */
class Throttled extends Error {
  override readonly name = 'ThrottlingException';
}
const refusals = new Map<string, Throttled>();

function throttled(cause: string): Throttled {
  const known = refusals.get(cause) ?? new Throttled(cause);
  refusals.set(cause, known);
  return known;
}

const TIMED_OUT = new Error("a function's timeout");

const GRANTED: Verdict = { kind: 'answered', text: '', refusal: undefined, granted: '' };
/** `isOpen`: a function has begun, and may have carried it out (shim/cloud/verdict.ts). */
const failed = (reason: string, isOpen: boolean): Verdict => ({ kind: 'failed', reason, isOpen, remedy: 'repeat' });

/** One call's view of an item that it writes on its exact value. */
interface View {
  seen: number;
}

export class Cloud {
  tally = new Tally();
  readonly #options: CloudOptions;
  readonly #table: TableLimits;
  readonly #services: ReadonlyMap<FunctionName, Service>;
  readonly #versions = new Map<string, number>();
  /** ms of the processor's share for each request to the table. */
  readonly #processorMs: number;

  constructor(options: CloudOptions) {
    this.#options = options;
    const { time, settings, weight, previousPeak } = options;
    this.#table = new TableLimits({ now: time.now, most: settings.table, previousPeak, weight });
    this.#services = new Map(FUNCTIONS.map((name) => [name, this.#service(settings.concurrency[name])]));
    this.#processorMs = (ASSUMED.processorMs * LAMBDA.processorMegabytes) / settings.megabytes;
  }

  /** Forgets what was counted so far. */
  reset(): void {
    this.tally = new Tally();
  }

  /** One attempt at a call of a function, by way of the network. A failure names the limit that caused it. */
  async call(operation: Operation, caller: Caller): Promise<Verdict> {
    const { time } = this.#options;
    await time.pause(ASSUMED.networkMs);
    const service = this.#serviceOf(operation);
    const limit = this.#refusal(service);
    if (limit !== undefined) {
      const cause = `${limit} of \`${functionOf(operation)}\``;
      this.tally.throttled(cause);
      return failed(cause, false);
    }
    service.rate.take(1);
    service.busy++;
    const began = time.now();
    const environment = await this.#environment(service);
    const verdict = await this.#carryOut(operation, caller, environment).then(
      () => GRANTED,
      (error: unknown) => failed(error instanceof Error ? error.message : String(error), true),
    );
    this.#bill(time.now() - began);
    service.busy--;
    environment.idleSince = time.now();
    service.idle.push(environment);
    return verdict;
  }

  /** The requests of an operation alone, without a function. @throws what the table's retries give up on. */
  async run(trace: Trace, caller: Caller, deadline = Infinity, processorMs = 0): Promise<void> {
    const { time } = this.#options;
    const view = { seen: -1 };
    for (const stage of trace) {
      await time.pause(stage.length * processorMs);
      await allSettledOrThrow(stage.map((step) => this.#request(step, caller, view)));
      if (time.now() > deadline) throw TIMED_OUT;
    }
  }

  #service(concurrency: number): Service {
    const { time, weight } = this.#options;
    const share = concurrency / weight;
    return {
      concurrency: Math.max(1, Math.round(share)),
      rate: new Bucket(time.now, share * LAMBDA.callsPerExecution),
      starts: new Bucket(time.now, LAMBDA.newPerSecond / weight, Math.max(1, LAMBDA.newAtOnce / weight)),
      idle: [],
      busy: 0,
    };
  }

  #serviceOf(operation: Operation): Service {
    const service = this.#services.get(functionOf(operation));
    if (service === undefined) throw new Error(`no function carries out ${operation}`);
    return service;
  }

  #refusal({ rate, busy, concurrency, starts, idle }: Service): string | undefined {
    if (!rate.hasRoom) return 'calls a second';
    if (busy >= concurrency) return 'concurrency';
    return idle.length === 0 && !starts.hasRoom ? 'new environments' : undefined;
  }

  async #environment({ idle, starts }: Service): Promise<Environment> {
    const { time } = this.#options;
    const warm = idle.pop();
    if (warm !== undefined && warm.idleSince + ASSUMED.idleMs > time.now()) return warm;
    // All others have been idle for longer.
    idle.length = 0;
    starts.take(1);
    await time.pause(ASSUMED.coldStartMs);
    return { idleSince: 0, bound: new Map() };
  }

  async #carryOut(operation: Operation, caller: Caller, { bound }: Environment): Promise<void> {
    const { time, traces, settings, weight } = this.#options;
    const deadline = time.now() + settings.timeoutMs;
    const needsBinding = operation !== 'handshake' && operation !== 'register';
    // With fewer environments than there are, each of them serves a host more often.
    const lifetime = HINT_LIFETIME_MS / weight;
    if (needsBinding && (bound.get(caller.id) ?? -Infinity) + lifetime < time.now()) {
      await this.run(traces.binding, caller, deadline, this.#processorMs);
      bound.set(caller.id, time.now());
    }
    await this.run(traces[operation], caller, deadline, this.#processorMs);
  }

  #request(step: Step, caller: Caller, view: View, isRepeat = false): Promise<void> {
    const { now, pause, random } = this.#options.time;
    return withRetries({ now, pause, random }, () => this.#attempt(step, caller, view, isRepeat));
  }

  async #attempt(step: Step, caller: Caller, view: View, isRepeat: boolean): Promise<void> {
    const { time } = this.#options;
    const { least, mean } = ASSUMED.requestMs;
    const { isWrite, units, indexUnits, place } = step;
    const asked = { partition: caller.shares[place], isWrite, isIndexed: indexUnits > 0 };
    await time.pause(least + time.gap(mean));
    const cause = this.#table.refusal(asked);
    if (cause !== undefined) {
      this.tally.throttled(cause);
      throw throttled(cause);
    }
    this.#table.take(asked, units, indexUnits);
    this.tally.units[isWrite ? 'writes' : 'reads'] += units + indexUnits;
    const item = place === 'chunks' ? caller.exactItem : undefined;
    if (item === undefined) return;
    const version = this.#versions.get(item) ?? 0;
    const isLost = step.isExact && view.seen !== version;
    view.seen = version;
    if (step.isExact && !isLost) this.#versions.set(item, version + 1);
    // A write that is lost again found what was stamped since, and that will do (functions/ipam/addresses/claim-exact.ts).
    if (isLost && !isRepeat) await this.#request(step, caller, view, true);
  }

  #bill(milliseconds: number): void {
    this.tally.calls++;
    this.tally.gigabyteSeconds += ((milliseconds / 1_000) * this.#options.settings.megabytes) / 1_024;
  }
}
