/** Calls of dockerd, and a cloud that answers them as a test says. */
import assert from 'node:assert/strict';
import type { Method } from '../../../protocol/methods.ts';
import type { Answered, Failed, Verdict } from '../../../shim/cloud/verdict.ts';
import type { KeptCall } from '../../../shim/journal/journal.ts';
import type { Sender } from '../../../shim/outbox/outbox.ts';
import { settled } from './steered-time.ts';

/** Turns of the event loop: far more than a disk needs. */
const MOST_TURNS = 10_000;

let calls = 0;

/** Each later than the one before. */
export function callOf(method: Method, message: object): KeptCall {
  const key = `${(Date.UTC(2026, 0) + ++calls).toString(36).padStart(9, '0')}abcd`;
  return { key, driver: 'berth', method, body: JSON.stringify(message) };
}

export const releaseOf = (pool: string, address: string): KeptCall =>
  callOf('ReleaseAddress', { PoolID: pool, Address: address });
export const addressOf = (pool: string, address = ''): KeptCall =>
  callOf('RequestAddress', { PoolID: pool, Address: address });
export const poolOf = (subnet = ''): KeptCall => callOf('RequestPool', { AddressSpace: 'default', Pool: subnet });

export const HEARD: Answered = { kind: 'answered', text: '{}', refusal: undefined, granted: undefined };

/** An answer of a function, as it is. */
export const answered = (body: object, refusal?: string): Answered => ({
  ...HEARD,
  text: JSON.stringify(body),
  refusal,
});

export const grantOf = (granted: string): Answered => ({ ...answered({ Granted: granted }), granted });

export const refusalOf = (refusal: string): Answered => answered({ Error: refusal }, refusal);

export const failureOf = (reason: string, wish: Partial<Failed> = {}): Failed => ({
  kind: 'failed',
  reason,
  isOpen: true,
  remedy: 'repeat',
  ...wish,
});

export interface Asked {
  readonly call: KeptCall;
  readonly kind: 'release' | 'settle';
  readonly keep: string | undefined;
  /** Returns the answer that the test has chosen. */
  readonly answer: (verdict: Verdict) => void;
}

/** A cloud that answers when a test says so, or always with the same answer. */
export class Cloud implements Sender {
  /** All requests, in order. */
  readonly asked: Asked[] = [];
  /** Answers at once, from now on. */
  always: Verdict | undefined;

  constructor(always?: Verdict) {
    this.always = always;
  }

  release(call: KeptCall): Promise<Verdict> {
    return this.#ask('release', call, undefined);
  }

  settle(call: KeptCall, keep: string | undefined): Promise<Verdict> {
    return this.#ask('settle', call, keep);
  }

  get keys(): string[] {
    return this.asked.map(({ call }) => call.key);
  }

  /** The nth request, counted from the end if negative. */
  at(n: number): Asked {
    return this.asked.at(n) ?? assert.fail(`only ${this.asked.length} requests arrived`);
  }

  /** Waits until the given number of requests arrived, and returns the last of them. */
  async until(count: number): Promise<Asked> {
    for (let turn = 0; turn < MOST_TURNS && this.asked.length < count; turn++) await settled();
    return this.at(count - 1);
  }

  /** Answers all requests that are still open. */
  end(): void {
    this.always = failureOf('the test is over');
    for (const { answer } of this.asked) answer(this.always);
  }

  #ask(kind: Asked['kind'], call: KeptCall, keep: string | undefined): Promise<Verdict> {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    this.asked.push({ call, kind, keep, answer: resolve });
    return this.always === undefined ? promise : Promise.resolve(this.always);
  }
}

export interface Line {
  readonly level: 'warn' | 'error';
  readonly message: unknown;
}

/** A log that a test may read. */
export function testLog(): {
  readonly lines: Line[];
  warn: (fields: unknown, message?: string) => void;
  error: (fields: unknown, message?: string) => void;
} {
  const lines: Line[] = [];
  const at = (level: Line['level']) => (_: unknown, message?: string) => {
    lines.push({ level, message });
  };
  return { lines, warn: at('warn'), error: at('error') };
}
