import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeptCall } from '../../shim/journal/journal.ts';
import { stage } from './calls-stage.ts';
import { TIMEOUT } from './outbox-stage.ts';
import { HEARD, addressOf, callOf, grantOf, poolOf, releaseOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';

describe('what waits in the outbox', { timeout: TIMEOUT }, () => {
  const named: readonly [string, KeptCall, KeptCall][] = [
    ['an address of its pool', addressOf('p', '10.0.0.2'), releaseOf('p', '10.0.0.3')],
    ['the same address of a pool that was', addressOf('q', '10.0.0.2'), releaseOf('p', '10.0.0.2')],
    ['a pool, for one that is named', poolOf('10.0.0.0/24'), callOf('ReleasePool', { PoolID: 'p' })],
    ['any address of its pool', addressOf('p'), releaseOf('p', '10.0.0.2')],
    ['a pool, for an automatic one', poolOf(), callOf('ReleasePool', { PoolID: 'p' })],
  ];
  for (const [what, request, release] of named) {
    it(`is heard before a request, if it releases ${what}`, async (t) => {
      const { release: give, cloud, attempts, answer } = await stage(t, { always: grantOf('x') });
      void give(release);
      const { answer: hear } = await cloud.until(1);
      const reply = answer(request);
      await settled();
      assert.deepEqual(attempts, []);
      hear(HEARD);
      await reply;
      assert.equal(attempts.length, 1);
    });
  }

  it('keeps no request waiting that it does not concern', async (t) => {
    const { release: give, cloud, answer } = await stage(t, { always: grantOf('x') });
    const release = releaseOf('p', '10.0.0.2');
    void give(release);
    await cloud.until(1);
    assert.equal((await answer(addressOf('q', '10.0.0.3'))).refusal, undefined);
    assert.equal((await answer(poolOf('10.0.0.0/24'))).refusal, undefined);
  });

  it('is settled before a request by name, and before no other', async (t) => {
    const { journal, outbox, cloud, attempts, answer } = await stage(t, { always: grantOf('x') });
    const open = addressOf('p');
    journal.begin(open);
    outbox.settle(open);
    const { answer: hear } = await cloud.until(1);
    const any = answer(addressOf('p'));
    await settled();
    assert.equal(attempts.length, 1);
    await any;
    const reply = answer(addressOf('p', '10.0.0.2'));
    await settled();
    assert.equal(attempts.length, 1);
    hear(HEARD);
    await reply;
    assert.equal(attempts.length, 2);
  });

  it('keeps a request by name waiting for a part of its time only', async (t) => {
    const { release, cloud, attempts, answer } = await stage(t, { always: grantOf('x') });
    void release(releaseOf('p', '10.0.0.2'));
    await cloud.until(1);
    await answer(addressOf('p', '10.0.0.2'), { until: performance.now() + 4_000 });
    const [{ timeout } = assert.fail()] = attempts;
    assert.ok(timeout > 200, 'most of it is left');
  });
});
