import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AwsCredentialIdentity } from '@smithy/types';
import { CredentialCache } from '../../../../shim/aws/credential-cache.ts';

const START = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Returns numbered credentials for an hour, counts its calls, and fails on request. */
function giver(lifetime: number | 'unlimited' = HOUR) {
  const state = { now: START, asked: 0, isDown: false };
  const fetch = async (): Promise<AwsCredentialIdentity> => {
    const accessKeyId = String(++state.asked);
    const expiration = lifetime === 'unlimited' ? {} : { expiration: new Date(state.now + lifetime) };
    await Promise.resolve();
    if (state.isDown) throw new Error('down');
    return { accessKeyId, secretAccessKey: 'secret', ...expiration };
  };
  const cache = new CredentialCache(fetch, () => state.now);
  const get = async () => Number((await cache.get()).accessKeyId);
  return { state, cache, get };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('credentials', () => {
  it('are requested once for all waiting callers', async () => {
    const { state, get } = giver();
    assert.deepEqual(await Promise.all([get(), get(), get()]), [1, 1, 1]);
    assert.equal(await get(), 1);
    assert.equal(state.asked, 1);
  });

  it('are renewed before they expire, and no caller waits for that', async () => {
    const { state, get } = giver();
    await get();
    state.now += HOUR - 5 * MINUTE;
    assert.deepEqual([await get(), state.asked], [1, 1]);
    state.now += 1;
    assert.deepEqual(await Promise.all([get(), get()]), [1, 1]);
    assert.equal(state.asked, 2);
    await settled();
    assert.deepEqual([await get(), state.asked], [2, 2]);
  });

  it('are used until they expire while renewal fails, and renewal is retried with pauses', async () => {
    const { state, get } = giver();
    await get();
    state.isDown = true;
    for (let second = 0; second < 240; second++) {
      state.now = START + HOUR - 240_000 + second * 1_000;
      assert.equal(await get(), 1);
      await settled();
    }
    assert.equal(state.asked, 1 + 240 / 30);
  });

  it('that have expired are not used, even while renewal fails', async () => {
    const { state, get } = giver();
    await get();
    state.isDown = true;
    state.now += HOUR;
    await assert.rejects(get(), /down/);
    state.isDown = false;
    assert.equal(await get(), 3);
  });

  it('that do not expire are not requested again', async () => {
    const { state, get } = giver('unlimited');
    await get();
    state.now += 1_000 * HOUR;
    assert.deepEqual([await get(), state.asked], [1, 1]);
  });

  it('that arrive with little time left are not requested at each call', async () => {
    const { state, get } = giver(MINUTE);
    for (let call = 0; call < 20; call++) {
      state.now += 1_000;
      await get();
      await settled();
    }
    assert.equal(state.asked, 1);
  });

  it('are requested again once they are forgotten', async () => {
    const { cache, get } = giver();
    await get();
    cache.forget();
    assert.equal(await get(), 2);
  });

  it('that many callers forget at once are requested once', async () => {
    const { state, cache, get } = giver();
    await get();
    const answers = [1, 2, 3].map(() => {
      cache.forget();
      return get();
    });
    assert.deepEqual(await Promise.all(answers), [2, 2, 2]);
    assert.equal(state.asked, 2);
  });

  it('that were not available are requested again at the next call', async () => {
    const { state, get } = giver();
    state.isDown = true;
    await assert.rejects(Promise.all([get(), get()]), /down/);
    state.isDown = false;
    assert.deepEqual([await get(), state.asked], [2, 2]);
  });
});
