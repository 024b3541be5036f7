import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import os from 'node:os';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { limit, measureSlowness, scaled, slowness, until, within } from './deadlines.ts';

const never = new Promise<never>(() => undefined);

/** Programs that only compute, the given number for each processor. */
async function beside(perProcessor: number, act: () => Promise<void>): Promise<void> {
  const count = perProcessor * os.availableParallelism();
  const programs = Array.from({ length: count }, (): ChildProcess =>
    spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }),
  );
  try {
    await act();
  } finally {
    for (const program of programs) program.kill('SIGKILL');
  }
}

describe('a bound of a test', () => {
  it('is never shorter than given, and longer if it only catches hangs', () => {
    assert.ok(slowness() >= 1);
    assert.ok(scaled(1_000) >= 1_000);
    assert.ok(limit(1_000) > 2 * scaled(1_000));
  });

  it('grows when other programs use the processors', async () => {
    await delay(2_100);
    const before = await measureSlowness();
    await beside(4, async () => {
      await delay(2_100);
      const loaded = await measureSlowness();
      assert.ok(loaded > 1.5 * before, `${before}, then ${loaded}`);
    });
  });
});

describe('a wait for a promise', () => {
  it('returns its value, or throws its error', async () => {
    assert.equal(await within(Promise.resolve(1), 60_000, () => 'late'), 1);
    await assert.rejects(
      within(Promise.reject(new Error('no')), 60_000, () => 'late'),
      /^Error: no$/,
    );
  });

  it('fails with what it waited for when it takes too long', async () => {
    await assert.rejects(
      within(never, 10, () => 'nobody came'),
      /^Error: nobody came \(within 10 ms/,
    );
  });
});

describe('a wait for a condition', () => {
  it('checks until it is true', async () => {
    let asked = 0;
    await until(() => ++asked === 3, 'the third', { pause: 1 });
    assert.equal(asked, 3);
  });

  it('says which condition never came true, and rethrows errors', async () => {
    await assert.rejects(
      until(() => false, 'the end', { milliseconds: 10, pause: 1 }),
      /^Error: never came true: the end$/,
    );
    await assert.rejects(
      until(() => Promise.reject(new Error('no')), 'the end'),
      /^Error: no$/,
    );
  });
});
