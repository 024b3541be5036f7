/**
 * Registers this host with the fleet, at start and again with each heartbeat. The nonce changes each time, which tells two
 * machines apart that were made from one image: only one of them knows the latest nonce.
 */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import path from 'node:path';
import * as v from 'valibot';
import { type RegisterMessage, registerAnswer } from '../../protocol/host-messages.ts';
import type { Verdict } from '../cloud/verdict.ts';
import { readIfThere, writeDurably } from '../files.ts';
import { UserError } from '../user-error.ts';
import type { MachinePrint } from './machine.ts';

const stored = v.object({
  /** The nonce that the cloud confirmed last. */
  current: v.optional(v.string()),
  /** The nonce proposed since. The cloud may have received it or not, so the same one is proposed until it confirms. */
  proposed: v.optional(v.string()),
});
type Stored = v.InferOutput<typeof stored>;

const answerText = v.pipe(v.string(), v.parseJson(), registerAnswer);

export interface RegistrationOptions {
  readonly folder: string;
  readonly version: string;
  /** The default address space of this host's networks. Its settings say how often to register. */
  readonly space: string;
  /** What distinguishes this machine from copies of it. */
  readonly machine: MachinePrint;
  readonly send: (message: RegisterMessage) => Promise<Verdict>;
  readonly warn: (message: string) => void;
}

/** How this host is. A shim that starts does not know it yet. */
export type Condition = Pick<RegisterMessage, 'EngineVersion' | 'Health'>;

/** What an answer of the fleet means for other parts of the shim. */
export interface RegistrationEvents {
  /** The highest sequence number that the cloud has seen from this host. */
  floor: [sequence: string];
  /** The cloud treats this host as a new one under its id: what an earlier machine left undone is not ours. */
  renewed: [];
  /** This host was fenced for its silence, and is back with another epoch. */
  returned: [epoch: number];
}

/**
 * What binds the journal to this folder: created with the folder, and gone with it. It is not the nonce of the
 * registration, which changes each time.
 */
export function lineage(folder: string): string {
  const file = path.join(folder, 'lineage');
  const kept = readIfThere(file)?.trim();
  if (kept !== undefined && kept !== '') return kept;
  const made = randomBytes(12).toString('hex');
  writeDurably(file, `${made}\n`);
  return made;
}

const RETRY_PAUSE_MS = 5_000;
const WAKING_PAUSE_MS = 200;
/** ms between two registrations, however many calls are refused because this host was silent. */
const MIN_PAUSE_MS = 1_000;

export class Registration extends EventEmitter<RegistrationEvents> {
  readonly #options: RegistrationOptions;
  readonly #file: string;
  readonly #registered = Promise.withResolvers<undefined>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #isNew = true;
  #epoch = 1;
  #warned = '';
  #refusal: string | undefined;
  #state = 'live';
  #rival: string | undefined;
  #failure: string | undefined;
  #keeping: Promise<void> | undefined;
  #renewing: Promise<void> | undefined;
  #began = -Infinity;
  #condition: () => Condition = () => ({});

  constructor(options: RegistrationOptions) {
    super();
    this.#options = options;
    this.#file = path.join(options.folder, 'incarnation.json');
    this.#read();
  }

  /** What it says of this host with each message from now on. */
  set condition(read: () => Condition) {
    this.#condition = read;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Why the fleet refuses this host. `undefined`: it accepts it, or has not been asked yet. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Why this host may free nothing on its own. `undefined`: it may. */
  get rival(): string | undefined {
    if (this.#rival === undefined) return undefined;
    return `another machine says that it is this host (last at ${this.#rival}); stop it, or give it another --host-id`;
  }

  /** Why this host has not been registered since the shim started. `undefined`: it has. */
  get pending(): string | undefined {
    return this.#isNew ? (this.#failure ?? 'this host is being registered') : undefined;
  }

  /** Why the fleet gives this host nothing new. `undefined`: it does. */
  get leaving(): string | undefined {
    if (this.#state !== 'draining') return undefined;
    return 'the fleet drains this host: it gets no new networks and addresses';
  }

  /** Resolves at the first registration since the shim started. */
  get registered(): Promise<undefined> {
    return this.#registered.promise;
  }

  /** Registers until the cloud answers, and then with each heartbeat. */
  keep(): Promise<void> {
    clearTimeout(this.#timer);
    this.#keeping ??= this.#keep().finally(() => {
      this.#keeping = undefined;
    });
    return this.#keeping;
  }

  /** Registers again, because the fleet treats this host as silent: at once, or a moment after the last registration. */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    // Before the first registration has ended, no call is served, so it need not be repeated.
    if (this.#isNew && this.#keeping !== undefined) return this.#keeping;
    const early = this.#began + MIN_PAUSE_MS - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early).unref());
    if (!this.#isClosed) await this.keep();
  }

  async #keep(): Promise<void> {
    this.#began = performance.now();
    const pause = await this.#register().catch((error: unknown) => this.#retry(String(error)));
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.keep(), pause * (0.9 + Math.random() / 5)).unref();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** @returns ms until the next registration. */
  async #register(): Promise<number> {
    const known = this.#read();
    const proposed = known.proposed ?? randomBytes(12).toString('hex');
    this.#write({ ...known, proposed });
    const verdict = await this.#options.send({
      ...(known.current !== undefined && { Incarnation: known.current }),
      Proposed: proposed,
      ShimVersion: this.#options.version,
      ...this.#condition(),
      Space: this.#options.space,
      Machine: this.#options.machine,
    });
    // After the end the answer is ignored: the next start proposes the same nonce and gets it again.
    if (this.#isClosed) return RETRY_PAUSE_MS;
    if (verdict.kind === 'failed') return this.#retry(verdict.reason);
    if (verdict.refusal !== undefined) {
      this.#refusal = verdict.refusal;
      return this.#retry(verdict.refusal);
    }
    const parsed = v.safeParse(answerText, verdict.text);
    if (!parsed.success) return this.#retry(`unexpected response, not from Berth: ${verdict.text.slice(0, 200)}`);
    return this.#accept(parsed.output);
  }

  #accept(told: v.InferOutput<typeof registerAnswer>): number {
    const { Incarnation: current, Epoch, Floor, HeartbeatSeconds, Fresh, State, Waking } = told;
    if (Fresh) this.emit('renewed');
    this.#write({ current });
    if (Epoch !== this.#epoch) this.emit('returned', Epoch);
    this.#epoch = Epoch;
    this.#refusal = undefined;
    this.#warned = '';
    this.emit('floor', Floor);
    this.#tell(State);
    this.#meet(told.Rival ?? undefined);
    this.#isNew = false;
    this.#registered.resolve(undefined);
    return Waking ? WAKING_PAUSE_MS : HeartbeatSeconds * 1_000;
  }

  #meet(rival: string | undefined): void {
    const known = this.#rival;
    this.#rival = rival;
    if (rival !== known && this.rival !== undefined) this.#options.warn(this.rival);
  }

  /** Warns once, not each time. */
  #tell(state: string): void {
    const known = this.#state;
    this.#state = state;
    if (state !== known && this.leaving !== undefined) this.#options.warn(this.leaving);
  }

  /** Warns once per reason, not each time. */
  #retry(reason: string): number {
    this.#failure = reason;
    if (reason !== this.#warned) this.#options.warn(`this host is not registered: ${reason}`);
    this.#warned = reason;
    return RETRY_PAUSE_MS;
  }

  #write(state: Stored): void {
    writeDurably(this.#file, JSON.stringify(state));
  }

  #read(): Stored {
    const text = readIfThere(this.#file);
    if (text === undefined) return {};
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), stored), text);
    if (!parsed.success) throw new UserError(`${this.#file} is damaged; remove it and start Berth again`);
    return parsed.output;
  }
}
