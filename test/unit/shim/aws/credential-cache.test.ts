import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AwsCredentialIdentity } from '@smithy/types';
import { CredentialCache } from '../../../../shim/aws/credential-cache.ts';

const START = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Gives credentials for an hour, numbered; tells how often it was asked; fails when told. */
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
  it('are asked for once, for all who wait', async () => {
    const { state, get } = giver();
    assert.deepEqual(await Promise.all([get(), get(), get()]), [1, 1, 1]);
    assert.equal(await get(), 1);
    assert.equal(state.asked, 1);
  });

  it('are asked for again before they expire, and nobody waits for that', async () => {
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

  it('serve to their end while none are given, which is asked for with pauses', async () => {
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

  it('that have expired are not used, also while none are given', async () => {
    const { state, get } = giver();
    await get();
    state.isDown = true;
    state.now += HOUR;
    await assert.rejects(get(), /down/);
    state.isDown = false;
    assert.equal(await get(), 3);
  });

  it('that do not expire are not asked for again', async () => {
    const { state, get } = giver('unlimited');
    await get();
    state.now += 1_000 * HOUR;
    assert.deepEqual([await get(), state.asked], [1, 1]);
  });

  it('that are given with little time left are not asked for at each call', async () => {
    const { state, get } = giver(MINUTE);
    for (let call = 0; call < 20; call++) {
      state.now += 1_000;
      await get();
      await settled();
    }
    assert.equal(state.asked, 1);
  });

  it('are asked for afresh once they are forgotten', async () => {
    const { cache, get } = giver();
    await get();
    cache.forget();
    assert.equal(await get(), 2);
  });

  it('that are forgotten by many at once are asked for once', async () => {
    const { state, cache, get } = giver();
    await get();
    const answers = [1, 2, 3].map(() => {
      cache.forget();
      return get();
    });
    assert.deepEqual(await Promise.all(answers), [2, 2, 2]);
    assert.equal(state.asked, 2);
  });

  it('that could not be had are asked for again at the next call', async () => {
    const { state, get } = giver();
    state.isDown = true;
    await assert.rejects(Promise.all([get(), get()]), /down/);
    state.isDown = false;
    assert.deepEqual([await get(), state.asked], [2, 2]);
  });
});
