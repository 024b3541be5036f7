import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { realTime, within } from '../../../shim/time.ts';
import { TIMEOUT } from './outbox-stage.ts';

const never = new Promise<never>(() => undefined);

describe('an operation with a time limit', () => {
  it('returns its own outcome when it ends in time', async () => {
    assert.equal(await within(60_000, Promise.resolve(1), () => 'late'), 1);
    await assert.rejects(
      within(60_000, Promise.reject(new Error('no')), () => 'late'),
      /no/,
    );
  });

  it('returns the given outcome when the time is over', async () => {
    assert.equal(await within(1, never, () => 'late'), 'late');
    await assert.rejects(
      within(1, never, () => {
        throw new Error('late');
      }),
      /late/,
    );
  });

  it('leaves no timer behind, which would keep a process from exiting', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    await within(60_000, Promise.resolve(1), () => 'late');
    assert.equal(timers(), before);
  });

  it('causes no unhandled error when it fails after its time limit', async () => {
    const { promise, reject } = Promise.withResolvers<never>();
    assert.equal(await within(1, promise, () => 'late'), 'late');
    reject(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('a pause', { timeout: TIMEOUT }, () => {
  it('ends when its signal is aborted, before or after it began', async () => {
    const given = new AbortController();
    const pause = realTime.pause(3_600_000, given.signal);
    given.abort();
    await pause;
    await realTime.pause(3_600_000, given.signal);
  });
});
