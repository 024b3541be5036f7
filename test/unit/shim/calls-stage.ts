/** Calls of dockerd to a cloud that a test controls, with a real journal and a real outbox. */
import type { TestContext } from 'node:test';
import type { Verdict } from '../../../shim/cloud/verdict.ts';
import { KnownNetworks } from '../../../shim/host/known-networks.ts';
import type { KeptCall } from '../../../shim/journal/journal.ts';
import { type Asker, Calls, type Reply } from '../../../shim/plugin/calls.ts';
import { RateGuard } from '../../../shim/plugin/pool-loop-guard.ts';
import { type OutboxStage, outboxStage } from './outbox-stage.ts';
import { failureOf } from './stand-ins.ts';
import { temporaryFolder } from './temporary.ts';

interface Attempt {
  readonly call: KeptCall;
  readonly number: number;
  /** ms */
  readonly timeout: number;
  readonly answer: (verdict: Verdict) => void;
}

export interface CallsStage extends OutboxStage {
  readonly calls: Calls;
  /** The calls that the outbox did not send, in order. */
  readonly attempts: Attempt[];
  readonly answer: (call: KeptCall, asker?: Partial<Asker>) => Promise<Reply>;
}

interface Wish {
  /** The answer to each attempt; without it, no attempt is answered. */
  readonly always?: Verdict;
  readonly barred?: () => string | undefined;
}

export async function stage(t: TestContext, wish: Wish = {}): Promise<CallsStage> {
  const before = await outboxStage(t);
  const { journal, outbox } = before;
  const attempts: Attempt[] = [];
  let { always } = wish;
  const calls = new Calls({
    journal,
    outbox,
    guard: new RateGuard(() => 0),
    networks: new KnownNetworks(await temporaryFolder(t), () => undefined),
    lost: () => undefined,
    attempt: (call, number, timeout) => {
      const { promise, resolve } = Promise.withResolvers<Verdict>();
      attempts.push({ call, number, timeout, answer: resolve });
      return always === undefined ? promise : Promise.resolve(always);
    },
    renew: () => Promise.resolve(),
    barred: wish.barred ?? (() => undefined),
  });
  t.after(() => {
    always = failureOf('the test is over', { remedy: 'none' });
    for (const { answer } of attempts) answer(always);
  });
  const answer = (call: KeptCall, asker: Partial<Asker> = {}): Promise<Reply> =>
    calls.answer(call, { until: performance.now() + 600_000, gone: new AbortController().signal, ...asker });
  return { ...before, calls, attempts, answer };
}
