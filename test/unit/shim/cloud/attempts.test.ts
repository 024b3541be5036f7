import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Outcome, retryWithin } from '../../../../shim/cloud/retry.ts';
import type { Failed, Verdict } from '../../../../shim/cloud/verdict.ts';
import { failureOf, grantOf, refusalOf } from '../stand-ins.ts';
import { SteeredTime } from '../steered-time.ts';

const BUDGET = 20_000;
const SILENCE = failureOf('silence');
const UNREACHED = failureOf('nobody listens', { isOpen: false });

interface Told {
  readonly outcome: Outcome;
  /** The time limit of each attempt, and when it began. */
  readonly attempts: readonly { readonly number: number; readonly timeout: number; readonly at: number }[];
  readonly renewals: readonly Failed['remedy'][];
  readonly end: number;
}

/** Each attempt takes its whole time, or none, and gets the next of the answers; the last answer repeats. */
async function insisting(answers: readonly Verdict[], takes: 'all' | 'none' = 'none', renewing = 0): Promise<Told> {
  const time = new SteeredTime(1);
  const attempts: { number: number; timeout: number; at: number }[] = [];
  const renewals: Failed['remedy'][] = [];
  const insisted = { isOver: false };
  const ended = retryWithin({
    budget: BUDGET,
    time,
    attempt: async (number, timeout) => {
      attempts.push({ number, timeout, at: time.now() });
      if (takes === 'all') await time.pause(timeout);
      return answers[Math.min(number, answers.length) - 1] ?? assert.fail();
    },
    renew: async (remedy) => {
      renewals.push(remedy);
      await time.pause(renewing);
    },
  }).finally(() => (insisted.isOver = true));
  for (let turn = 0; turn < 1_000 && !insisted.isOver; turn++) await time.advance(100);
  return { outcome: await ended, attempts, renewals, end: time.now() };
}

describe('a call to a cloud that answers', () => {
  it('is made once', async () => {
    for (const answer of [grantOf('x'), refusalOf('no')]) {
      const { outcome, attempts } = await insisting([answer]);
      assert.deepEqual(outcome, { last: answer, attempts: 1, isOpen: false });
      assert.equal(attempts.length, 1);
    }
  });

  it('is open only if an earlier attempt may have left something', async () => {
    assert.deepEqual((await insisting([SILENCE, grantOf('x')])).outcome.isOpen, true);
    assert.deepEqual((await insisting([UNREACHED, grantOf('x')])).outcome.isOpen, false);
    assert.deepEqual((await insisting([SILENCE, UNREACHED, grantOf('x')])).outcome.isOpen, true);
  });
});

describe('a call to a cloud that is silent', () => {
  it('leaves time for a second attempt, which gets all the time left', async () => {
    const { outcome, attempts, end } = await insisting([SILENCE], 'all');
    assert.deepEqual(attempts, [
      { number: 1, timeout: 11_000, at: 0 },
      { number: 2, timeout: 8_800, at: 11_200 },
    ]);
    assert.deepEqual(outcome, { last: SILENCE, attempts: 2, isOpen: true });
    assert.ok(end <= BUDGET + 100);
  });
});

describe('a call to a cloud that fails at once', () => {
  it('is repeated with pauses that grow to two seconds, as long as there is time', async () => {
    const { outcome, attempts } = await insisting([UNREACHED]);
    const begun = attempts.map(({ at }) => at);
    const pauses = begun.slice(1).map((at, i) => at - (begun[i] ?? 0));
    assert.deepEqual(pauses, [200, 400, 800, 1_600, ...Array<number>(8).fill(2_000)]);
    assert.ok(attempts.every(({ timeout, at }) => timeout >= 100 && at + timeout <= BUDGET));
    assert.deepEqual(outcome, { last: UNREACHED, attempts: 13, isOpen: false });
  });

  it('is not repeated when a retry cannot help', async () => {
    const hopeless = failureOf('no', { remedy: 'none' });
    assert.deepEqual((await insisting([hopeless])).outcome, { last: hopeless, attempts: 1, isOpen: true });
  });
});

describe('a call that needs a renewal', () => {
  for (const remedy of ['renew', 'register'] as const) {
    const stale = failureOf('not known here', { isOpen: false, remedy });

    it(`is repeated after the renewal (${remedy})`, async () => {
      const { outcome, renewals } = await insisting([stale, grantOf('x')]);
      assert.deepEqual([outcome.last, renewals], [grantOf('x'), [remedy]]);
    });

    it(`is given up after two renewals without success (${remedy})`, async () => {
      const { outcome, renewals } = await insisting([stale]);
      assert.deepEqual([outcome.last, outcome.attempts, renewals], [stale, 3, [remedy, remedy]]);
    });
  }

  it('starts no attempt after its time', async () => {
    const stale = failureOf('not known here', { isOpen: false, remedy: 'renew' });
    const { attempts } = await insisting([stale], 'all', 4_000);
    assert.ok(attempts.every(({ timeout, at }) => timeout > 0 && at < BUDGET));
  });
});
