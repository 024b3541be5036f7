/** What an actor of a model does: it makes the calls of one host, and records what it believes to hold. */
import type { Call } from '../../functions/ipam/call.ts';
import type { Deps } from '../../functions/ipam/deps.ts';
import type { PoolDeps } from '../../functions/ipam/pools/memory.ts';
import type { GrantedPool, PoolRequest } from '../../functions/ipam/pools/request-pool.ts';
import type { Revival, Revived } from '../../functions/ipam/recovery/revive.ts';
import { SEQUENCE_WIDTH } from '../../protocol/request-key.ts';
import type { PoolWish } from '../support/fleet.ts';
import type { Rules } from './rules.ts';

/** What a network or an endpoint believes that it has. */
export interface Holding {
  readonly poolId: string;
  /** `undefined`: the network itself. */
  readonly address: string | undefined;
}

export interface Stage {
  readonly rules: Rules;
  readonly holdings: Set<Holding>;
  /** What the actors of one host share: the host's journal. */
  readonly notes: Map<string, string | (() => void)>;
  /** Deadline of a call, in ms. */
  readonly patience: number;
}

export interface Turns {
  /** Lets the other actors go first. */
  readonly rest: () => Promise<void>;
  /** Lets time pass for all actors. */
  readonly wait: (milliseconds: number) => Promise<void>;
}

export class Player {
  readonly deps: Deps;
  /** The same, in the process of a function, which only this actor calls. */
  readonly inProcess: PoolDeps;
  readonly stage: Stage;
  /** The actor's name up to the first blank, so that "a first" and "a second" are one host. */
  readonly hostId: string;
  readonly #turns: Turns;
  #calls = 0;

  constructor(name: string, stage: Stage, deps: Deps, turns: Turns) {
    this.hostId = name.split(' ')[0] ?? '';
    this.stage = stage;
    this.deps = deps;
    this.inProcess = { ...deps, memory: new stage.rules.PoolMemory() };
    this.#turns = turns;
  }

  /** The next call of the host, in the order of the actors' clocks. */
  call(changes: Partial<Call> = {}): Call {
    const now = this.deps.world.now();
    const sequence = (now + ++this.#calls * 1_000).toString(36).padStart(SEQUENCE_WIDTH, '0');
    return {
      hostId: this.hostId,
      epoch: 1,
      driver: 'berth',
      requestKey: `${sequence}${this.deps.world.random(4)}`,
      attempt: 1,
      deadline: now + this.stage.patience,
      ...changes,
    };
  }

  /** `undefined`: refused. */
  async pool(wish: PoolWish, call = this.call()): Promise<GrantedPool | undefined> {
    const request: PoolRequest = {
      addressSpace: 'default',
      pool: wish.pool ?? '',
      subPool: '',
      v6: false,
      options: { 'berth.gateway': 'none', ...wish.options },
      avoid: [],
    };
    return this.unlessRefused(() => this.stage.rules.requestPool(this.inProcess, call, request));
  }

  async address(
    poolId: string,
    address = '',
    options: Readonly<Record<string, string>> = {},
    call = this.call(),
  ): Promise<string | undefined> {
    const request = { poolId, address, options };
    const answer = await this.unlessRefused(() => this.stage.rules.requestAddress(this.deps, call, request));
    return answer?.split('/')[0];
  }

  async release(poolId: string, address: string, call = this.call()): Promise<void> {
    await this.stage.rules.releaseAddress(this.deps, call, { poolId, address });
  }

  async leave(poolId: string, call = this.call()): Promise<void> {
    await this.stage.rules.releasePool(this.inProcess, call, poolId);
  }

  /** `undefined`: refused. */
  revive(revival: Revival, call: Call): Promise<Revived | undefined> {
    return this.unlessRefused(() => this.stage.rules.reviveNetwork(this.deps, call, revival));
  }

  /** Lets time pass for all actors. */
  wait(milliseconds: number): Promise<void> {
    return this.#turns.wait(milliseconds);
  }

  /** Holds something visibly to the invariants. @returns a function that gives it up. */
  async hold(poolId: string, address?: string): Promise<() => void> {
    const holding = { poolId, address };
    this.stage.holdings.add(holding);
    await this.#turns.rest();
    return () => {
      this.stage.holdings.delete(holding);
    };
  }

  /** Records something for the other actors. */
  remember(what: string, note: string | (() => void)): void {
    this.stage.notes.set(what, note);
  }

  /** @throws Error when no actor recorded it. */
  recall(what: string): string {
    const note = this.stage.notes.get(what);
    if (typeof note !== 'string') throw new Error(`no actor recorded ${what}`);
    return note;
  }

  /** Gives up what an actor held, unless that was done before. */
  giveUp(what: string): void {
    const drop = this.stage.notes.get(what);
    if (typeof drop === 'function') drop();
  }

  /** `undefined`: refused. */
  async unlessRefused<T>(operation: () => Promise<T>): Promise<T | undefined> {
    try {
      return await operation();
    } catch (error) {
      if (error instanceof this.stage.rules.Refusal) return undefined;
      throw error;
    }
  }
}
