/**
 * Actors that run the real rules concurrently on one store, step by step. The explorer chooses which operation on the
 * store comes next, and which write is late, repeated or never answered.
 */
import { hash } from 'node:crypto';
import type { World } from '../../functions/ipam/world.ts';
import type { Cidr } from '../../protocol/address.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import type { Run } from './explorer.ts';
import { type Holding, Player, type Stage, type Turns } from './player.ts';
import type { Rules } from './rules.ts';
import { type Manner, type Operation, steppedStore } from './stepped-store.ts';
import { contents, digest, text } from './texts.ts';

export interface Actor {
  readonly name: string;
  /** ms by which the clock of the actor's function is ahead. */
  readonly ahead?: number;
  /** Begins when nothing is in flight any more: the in-flight bound has passed. */
  readonly afterwards?: boolean;
  /** Its writes are never late, which keeps a model small. */
  readonly steady?: boolean;
  /** Its function may give up on a write: another actor must settle what it leaves. */
  readonly mayFail?: boolean;
  readonly play: (me: Player) => Promise<void>;
}

export interface Model {
  readonly name: string;
  /** Runs alone, before the exploration. */
  readonly before?: (me: Player) => Promise<void>;
  readonly actors: readonly Actor[];
  /** The most writes that are late, repeated or unanswered in one run. */
  readonly faults: number;
  /** Operations whose order makes no difference to other actors, by the start of their label: they run at once. */
  readonly unseen?: readonly string[];
  /** How queries read (see `Manner`). */
  readonly positions?: readonly Cidr[];
  readonly forwardDescends?: boolean;
  /** The index by host never shows anything: the worst case of a late index. */
  readonly isIndexSilent?: boolean;
  /** With one identity for all attempts of an announcement: a control. */
  readonly oneAnnouncementId?: boolean;
  /** Time of a call in ms, which each of its pauses reduces. */
  readonly patience?: number;
  /** The violation in a state, if there is one. */
  readonly always: (state: State) => string | undefined;
  /** The violation at the end of a run, if there is one. */
  readonly finally: (state: State) => string | undefined;
}

export interface State {
  readonly memory: MemoryStore;
  readonly holdings: ReadonlySet<Holding>;
}

/** The function gave up: whether its write landed is unknown. */
class StoreDown extends Error {}

interface Pending {
  readonly actor: Ongoing;
  readonly number: number;
  readonly operation: Operation;
  /** Writes that are late or were not answered. */
  attempts: number;
  readonly answer: () => Promise<void>;
  readonly reject: (error: Error) => void;
}

/** A write that is still on its way. */
interface Late {
  readonly actor: Ongoing;
  readonly operation: Operation;
}

interface Choice {
  readonly label: string;
  readonly happen: () => Promise<void>;
}

/** An actor in one run. Its history determines how it continues. */
class Ongoing {
  readonly actor: Actor;
  readonly index: number;
  readonly history = new Map<number, unknown>();
  operations = 0;
  /** The common time at each of its steps, which the rules read. */
  times = '';
  ids = 0;
  drawn = 0;
  clock: number;
  state: 'waiting' | 'playing' | 'done' = 'waiting';

  constructor(actor: Actor, index: number) {
    this.actor = actor;
    this.index = index;
    this.clock = START + index * APART + (actor.ahead ?? 0);
  }

  key(): string {
    const seen = [...this.history].sort(([a], [b]) => a - b).map(([number, result]) => `${number}${text(result)}`);
    return `${this.state} ${this.ids} ${this.drawn} ${this.clock} ${this.times} ${seen.join('|')}`;
  }
}

/** More turns than there are between any two operations of one actor. */
const QUIET_TURNS = 20;
const NEXT_TURN = Promise.resolve();
/** ms that have passed when the actors begin. */
const BEFORE = 3_600_000;
const START = Date.UTC(2026, 0, 1);
/** ms between the clocks of two actors, so that one is the older. */
const APART = 1;
/** ms: enough for two pauses. */
const DEFAULT_PATIENCE = 60;

export class Simulation implements Run, Stage {
  readonly holdings = new Set<Holding>();
  readonly notes = new Map<string, string | (() => void)>();
  readonly rules: Rules;
  readonly patience: number;
  readonly model: Model;
  readonly #memory: MemoryStore;
  readonly #actors: readonly Ongoing[];
  #current: Ongoing;
  #pending: Pending[] = [];
  #late: Late[] = [];
  #faults = 0;
  /** ms that have passed for all actors. */
  #passed = 0;
  #failure: string | undefined;
  #trace: string[] = [];
  #choices: readonly Choice[] | undefined;

  private constructor(rules: Rules, model: Model) {
    this.rules = rules;
    this.model = model;
    this.patience = model.patience ?? DEFAULT_PATIENCE;
    this.#actors = model.actors.map((actor, index) => new Ongoing(actor, index + 1));
    const prelude = new Ongoing({ name: 'before', play: model.before ?? (() => Promise.resolve()) }, 0);
    this.#current = prelude;
    this.#memory = new rules.MemoryStore({
      freshId: () => this.#freshId(),
      pages: { forward: 1, backward: 1, refs: 1, next: 1 },
    });
  }

  static async start(rules: Rules, model: Model): Promise<Simulation> {
    const simulation = new Simulation(rules, model);
    await simulation.#begin();
    return simulation;
  }

  async #begin(): Promise<void> {
    const prelude = this.#current;
    const store = steppedStore(this.#memory, (operation) => operation.attempt(), this.#manner(undefined));
    const noTurn = () => Promise.resolve();
    const me = new Player('before', this, { store, world: this.#world(prelude) }, { rest: noTurn, wait: noTurn });
    await this.model.before?.(me);
    for (const ongoing of this.#actors) {
      // What was done before is in the past by every clock.
      ongoing.clock += BEFORE;
      if (ongoing.actor.afterwards !== true) this.#play(ongoing);
    }
    await this.#still();
  }

  #play(ongoing: Ongoing): void {
    const { actor } = ongoing;
    const submit = <T>(operation: Operation<T>) => this.#submit(ongoing, operation);
    const store = steppedStore(this.#memory, submit, this.#manner(ongoing));
    const turns: Turns = {
      rest: () => submit({ label: 'holds', kind: 'nothing', attempt: () => Promise.resolve() }),
      wait: (milliseconds) =>
        submit({ label: `${milliseconds} ms pass`, kind: 'nothing', attempt: () => this.#goBy(milliseconds) }),
    };
    const me = new Player(actor.name, this, { store, world: this.#world(ongoing) }, turns);
    ongoing.state = 'playing';
    const end = (): void => {
      ongoing.state = 'done';
    };
    actor.play(me).then(end, (error: unknown) => {
      end();
      if (!(error instanceof StoreDown)) this.#failure = String(error instanceof Error ? error.stack : error);
    });
  }

  #manner(ongoing: Ongoing | undefined): Manner {
    const { positions, forwardDescends = false, isIndexSilent = false, oneAnnouncementId = false } = this.model;
    return { positions, forwardDescends, isIndexSilent, shared: oneAnnouncementId ? ongoing : undefined };
  }

  #submit<T>(actor: Ongoing, operation: Operation<T>): Promise<T> {
    const number = actor.operations++;
    actor.times += `${this.#passed} `;
    return new Promise((resolve, reject) => {
      const answer = async (): Promise<void> => {
        this.#current = actor;
        const result = await operation.attempt();
        actor.history.set(number, result);
        resolve(result);
      };
      this.#pending.push({ actor, number, operation, attempts: 0, answer, reject });
    });
  }

  #freshId(): string {
    const { index } = this.#current;
    return `${index}`.padStart(4, '0') + `${++this.#current.ids}`.padStart(8, '0');
  }

  #world(ongoing: Ongoing): World {
    return {
      now: () => ongoing.clock + this.#passed,
      random: (length) => digest(`${ongoing.index} ${ongoing.drawn++}`).toString(36).slice(0, length),
      digest,
      pause: (milliseconds) => {
        ongoing.clock += Math.ceil(milliseconds);
        return Promise.resolve();
      },
    };
  }

  #goBy(milliseconds: number): Promise<void> {
    this.#passed += milliseconds;
    return Promise.resolve();
  }

  choices(): number {
    return this.#enabled().length;
  }

  async take(choice: number): Promise<void> {
    const chosen = this.#enabled()[choice];
    if (chosen === undefined) throw new Error(`there is no choice ${choice}`);
    this.#choices = undefined;
    this.#trace.push(chosen.label);
    await chosen.happen();
    await this.#still();
    if (this.#wakeLast()) await this.#still();
  }

  /**
   * Waits until all that follows from an answer has happened: the rules wait only for the store. A turn of the event loop
   * would also do, but takes longer than everything else.
   */
  async #still(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS || this.#isBusy(); quiet++) await NEXT_TURN;
  }

  /** An actor is still between one operation and the next. */
  #isBusy(): boolean {
    return this.#actors.some((actor) => actor.state === 'playing' && !this.#pending.some((p) => p.actor === actor));
  }

  /** The `afterwards` actors begin one after another, when everything before them is over. */
  #wakeLast(): boolean {
    if (this.#pending.length > 0 || this.#late.length > 0) return false;
    if (this.#actors.some(({ state }) => state === 'playing')) return false;
    const next = this.#actors.find(({ state }) => state === 'waiting');
    if (next !== undefined) this.#play(next);
    return next !== undefined;
  }

  #enabled(): readonly Choice[] {
    const unseen = this.#pending.find((pending) => this.#isUnseen(pending));
    this.#choices ??= [
      ...(unseen === undefined ? this.#pending : [unseen]).flatMap((pending) => this.#waysOf(pending)),
      ...(unseen === undefined ? this.#late : []).map((late) => this.#landing(late)),
      ...(this.#pending.length > 0 ? [] : this.#late.map((late) => this.#loss(late))),
    ];
    return this.#choices;
  }

  #isUnseen({ operation }: Pending): boolean {
    return this.model.unseen?.some((label) => operation.label.startsWith(label)) === true;
  }

  #waysOf(pending: Pending): Choice[] {
    const { operation, actor } = pending;
    const ways = [{ label: label(pending, ''), happen: () => this.#answer(pending) }];
    if (operation.kind !== 'write' || this.#faults >= this.model.faults || actor.actor.steady === true) return ways;
    const astray = (what: string, happen: () => Promise<void> | void) => {
      ways.push({
        label: label(pending, what),
        happen: async () => {
          this.#faults++;
          pending.attempts++;
          await happen();
        },
      });
    };
    // The store repeats a write that was not answered: the first attempt has landed, or is late.
    astray('lands, is not answered and is repeated', () => this.#attempt(pending));
    astray('is late and is repeated', () => {
      this.#late.push(pending);
    });
    if (actor.actor.mayFail !== true) return ways;
    astray('lands, and the function gives up', async () => {
      await this.#attempt(pending);
      this.#giveUp(pending);
    });
    astray('is late, and the function gives up', () => {
      this.#late.push(pending);
      this.#giveUp(pending);
    });
    return ways;
  }

  async #attempt({ actor, operation }: Late): Promise<void> {
    this.#current = actor;
    await operation.attempt();
  }

  #answer(pending: Pending): Promise<void> {
    this.#remove(pending);
    return pending.answer();
  }

  #giveUp(pending: Pending): void {
    this.#remove(pending);
    pending.actor.history.set(pending.number, 'down');
    pending.reject(new StoreDown());
  }

  #landing(late: Late): Choice {
    const happen = (): Promise<void> => {
      this.#late = this.#late.filter((other) => other !== late);
      return this.#attempt(late);
    };
    return { label: label(late, 'lands late'), happen };
  }

  #loss(late: Late): Choice {
    const happen = (): Promise<void> => {
      this.#late = this.#late.filter((other) => other !== late);
      return Promise.resolve();
    };
    return { label: label(late, 'never lands'), happen };
  }

  #remove(pending: Pending): void {
    this.#pending = this.#pending.filter((other) => other !== pending);
  }

  key(): string {
    const { pools, refs, chunks, names, hosts } = this.#memory;
    const parts = [
      ...[pools, refs, chunks, names, hosts].map(contents),
      [...this.#memory.terms].join(),
      ...this.#actors.map((actor) => actor.key()),
      ...this.#pending.map(({ actor, number, attempts }) => `${actor.index} ${number} ${attempts}`),
      ...this.#late.map(({ actor, operation }) => `late ${actor.index} ${operation.label}`).sort(),
      `${this.#faults} ${this.#passed}`,
    ];
    return hash('sha1', parts.join('\n'), 'base64');
  }

  violation(): string | undefined {
    const state = { memory: this.#memory, holdings: this.holdings };
    if (this.#failure !== undefined) return this.#failure;
    return this.model.always(state) ?? (this.choices() === 0 ? this.model.finally(state) : undefined);
  }

  trace(): readonly string[] {
    return this.#trace;
  }
}

const label = ({ actor, operation }: Late, what: string): string =>
  `${actor.actor.name}: ${operation.label}${what === '' ? '' : ` ${what}`}`;
