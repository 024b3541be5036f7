import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeptCall } from '../../../shim/journal/journal.ts';
import { stage } from './calls-stage.ts';
import { TIMEOUT } from './outbox-stage.ts';
import { HEARD, addressOf, callOf, failureOf, grantOf, poolOf, refusalOf, releaseOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';

describe('a release in the outbox', { timeout: TIMEOUT }, () => {
  const named: readonly [string, KeptCall, KeptCall][] = [
    ['an address of its pool', addressOf('p', '10.0.0.2'), releaseOf('p', '10.0.0.3')],
    ['the same address of an earlier pool', addressOf('q', '10.0.0.2'), releaseOf('p', '10.0.0.2')],
    ['a pool, for a given pool', poolOf('10.0.0.0/24'), callOf('ReleasePool', { PoolID: 'p' })],
    ['any address of its pool', addressOf('p'), releaseOf('p', '10.0.0.2')],
    ['a pool, for an automatic one', poolOf(), callOf('ReleasePool', { PoolID: 'p' })],
  ];
  for (const [what, request, release] of named) {
    it(`is accepted before a request is sent, if it releases ${what}`, async (t) => {
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

  it('delays no request that it does not concern', async (t) => {
    const { release: give, cloud, answer } = await stage(t, { always: grantOf('x') });
    const release = releaseOf('p', '10.0.0.2');
    void give(release);
    await cloud.until(1);
    assert.equal((await answer(addressOf('q', '10.0.0.3'))).refusal, undefined);
    assert.equal((await answer(poolOf('10.0.0.0/24'))).refusal, undefined);
  });

  it('is settled before a request for a given address, and before no other', async (t) => {
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

  it('delays a request for a given address for only a part of its time', async (t) => {
    const { release, cloud, attempts, answer } = await stage(t, { always: grantOf('x') });
    void release(releaseOf('p', '10.0.0.2'));
    await cloud.until(1);
    await answer(addressOf('p', '10.0.0.2'), { until: performance.now() + 4_000 });
    const [{ timeout } = assert.fail()] = attempts;
    assert.ok(timeout > 200, 'most of its time is left');
  });
});

describe('a refusal', { timeout: TIMEOUT }, () => {
  /** ms: a quarter of it passes before the first attempt. */
  const soon = () => ({ until: performance.now() + 4_000 });
  const heldOf = (code: string) => ({ ...refusalOf('it is held'), code });

  const notYet: readonly [string, KeptCall, KeptCall, string][] = [
    [
      'of an address that this host has released',
      addressOf('p', '10.0.0.2'),
      releaseOf('p', '10.0.0.2'),
      'address-in-use',
    ],
    [
      'of an address whose network it has ended',
      addressOf('q', '10.0.0.2'),
      callOf('ReleasePool', { PoolID: 'q' }),
      'address-in-use',
    ],
    ['of any address of a full pool', addressOf('p'), releaseOf('p', '10.0.0.2'), 'no-address-left'],
    ['of a subnet', poolOf('10.0.0.0/24'), callOf('ReleasePool', { PoolID: 'p' }), 'pool-overlap'],
    ['of any subnet', poolOf(), callOf('ReleasePool', { PoolID: 'p' }), 'limit-reached'],
  ];
  for (const [what, request, release, code] of notYet) {
    it(`${what} is retried until the release is accepted`, async (t) => {
      const { release: give, cloud, attempts, answer } = await stage(t);
      void give(release);
      const { answer: hear } = await cloud.until(1);
      const reply = answer(request, soon());
      while (attempts.length < 1) await settled();
      attempts[0]?.answer(heldOf(code));
      hear(HEARD);
      while (attempts.length < 2) await settled();
      attempts[1]?.answer(grantOf('x'));
      assert.equal((await reply).refusal, undefined);
    });
  }

  const final: readonly [string, KeptCall, KeptCall, string][] = [
    [
      'while another address of its pool is released',
      addressOf('p', '10.0.0.2'),
      releaseOf('p', '10.0.0.3'),
      'address-in-use',
    ],
    ['that no release can resolve', addressOf('p', '10.0.0.2'), releaseOf('p', '10.0.0.2'), 'out-of-range'],
  ];
  for (const [what, request, release, code] of final) {
    it(`${what} is returned at once`, async (t) => {
      const { release: give, cloud, answer } = await stage(t, { always: heldOf(code) });
      void give(release);
      await cloud.until(1);
      const { refusal, attempts } = await answer(request, soon());
      assert.deepEqual([refusal, attempts], ['it is held', 1]);
    });
  }

  it('is final once the fleet has undone what attempts of an earlier call may have left', async (t) => {
    const { journal, outbox, cloud, answer } = await stage(t, { always: heldOf('address-in-use') });
    const open = addressOf('p', '10.0.0.2');
    journal.begin(open);
    outbox.settle(open);
    const first = await cloud.until(1);
    const reply = answer(addressOf('p', '10.0.0.2'), soon());
    cloud.always = failureOf('silence');
    first.answer(cloud.always);
    assert.match(String((await reply).refusal), /^it is held; this host's own release has not reached/);
    cloud.always = HEARD;
    const { refusal, attempts } = await answer(addressOf('p', '10.0.0.2'), soon());
    assert.deepEqual([refusal, attempts], ['it is held', 1]);
  });
});
