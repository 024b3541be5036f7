import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeptCall } from '../../../shim/journal/journal.ts';
import { BOUND, TIMEOUT, endRun, outboxStage } from './outbox-stage.ts';
import { type Cloud, HEARD, addressOf, callOf, failureOf, poolOf, refusalOf, releaseOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';

const keeps = ({ asked }: Cloud): (string | undefined)[] =>
  asked.filter(({ kind }) => kind === 'settle').map(({ keep }) => keep);

describe('a call whose attempts were not all answered', { timeout: TIMEOUT }, () => {
  it('is settled at once, and again when no attempt can take effect any more', async (t) => {
    const { journal, cloud, time, settle } = await outboxStage(t);
    cloud.always = HEARD;
    settle(poolOf());
    await time.advance(BOUND - 1);
    assert.equal(cloud.asked.length, 1);
    assert.equal(journal.entries().length, 1);
    await time.advance(1);
    assert.equal(cloud.asked.length, 2);
    assert.deepEqual(journal.entries(), []);
  });

  it('is settled for the last time by an attempt that began after the bound', async (t) => {
    const { journal, cloud, time, settle } = await outboxStage(t);
    settle(poolOf());
    const { answer } = await cloud.until(1);
    await time.advance(2 * BOUND);
    answer(HEARD);
    await time.advance(1);
    const { answer: answerLast } = await cloud.until(2);
    assert.equal(journal.entries().length, 1);
    answerLast(HEARD);
    await settled();
    assert.deepEqual(journal.entries(), []);
  });

  it('is retried until the settlement is accepted', async (t) => {
    const { journal, cloud, time, settle } = await outboxStage(t);
    cloud.always = failureOf('silence');
    settle(poolOf());
    await time.advance(600_000);
    assert.equal(journal.entries().length, 1);
    cloud.always = HEARD;
    await time.advance(30_000);
    assert.deepEqual(journal.entries(), []);
  });

  it('goes to the dead letters when the settlement is refused', async (t) => {
    const { journal, cloud, time, settle } = await outboxStage(t);
    cloud.always = refusalOf('foreign');
    settle(poolOf());
    await time.advance(BOUND);
    assert.deepEqual([journal.entries().length, journal.stats.deadLetters, cloud.asked.length], [0, 1, 1]);
  });

  it('is settled again after the next start, with what is kept', async (t) => {
    const first = await outboxStage(t);
    first.settle(addressOf('p'), '10.0.0.2');
    await endRun(first);
    const { outbox, cloud, time } = await outboxStage(t, first);
    cloud.always = HEARD;
    outbox.resume();
    await time.advance(BOUND);
    assert.deepEqual(keeps(cloud), ['10.0.0.2', '10.0.0.2']);
  });

  it('is removed from the journal when there is space again, if the disk was full when it was settled', async (t) => {
    const { journal, cloud, time, failing, settle } = await outboxStage(t);
    cloud.always = HEARD;
    settle(poolOf());
    failing.add('write');
    await time.advance(BOUND + 5_000);
    assert.equal(journal.entries().length, 1);
    failing.clear();
    await time.advance(30_000);
    assert.deepEqual([journal.entries(), cloud.asked.length], [[], 2]);
  });

  it('goes to the dead letters when there is space again, if the settlement was refused', async (t) => {
    const { journal, cloud, time, failing, settle } = await outboxStage(t);
    cloud.always = refusalOf('foreign');
    settle(poolOf());
    failing.add('write').add('sync');
    await time.advance(BOUND / 2);
    assert.equal(journal.stats.deadLetters, 0);
    failing.clear();
    await time.advance(30_000);
    assert.deepEqual([journal.entries(), journal.stats.deadLetters], [[], 1]);
  });

  it('keeps nothing where the journal has no result, as after a full disk', async (t) => {
    const { journal, outbox, cloud } = await outboxStage(t);
    const call = addressOf('p');
    journal.begin(call);
    outbox.settle(call);
    await cloud.until(1);
    assert.deepEqual(keeps(cloud), [undefined]);
  });
});

describe('the result that a settlement keeps', { timeout: TIMEOUT }, () => {
  const released: readonly [string, KeptCall, string, KeptCall][] = [
    ['an address', addressOf('p'), '10.0.0.2', releaseOf('p', '10.0.0.2')],
    ['a pool', poolOf(), 'p', callOf('ReleasePool', { PoolID: 'p' })],
  ];
  for (const [what, call, keep, release] of released) {
    it(`is ${what} until its release, and nothing from then on`, async (t) => {
      const { journal, outbox, cloud, time, settle } = await outboxStage(t);
      cloud.always = HEARD;
      settle(call, keep);
      await cloud.until(1);
      await journal.release(release);
      void outbox.release(release);
      await time.advance(BOUND);
      assert.deepEqual(keeps(cloud), [keep, undefined]);
    });
  }

  it('is nothing after the release, even while the disk cannot record that, and afterwards', async (t) => {
    const { journal, outbox, cloud, time, failing, settle } = await outboxStage(t);
    cloud.always = HEARD;
    const [call, release] = [addressOf('p'), releaseOf('p', '10.0.0.2')];
    settle(call, '10.0.0.2');
    await cloud.until(1);
    await journal.release(release);
    failing.add('write');
    void outbox.release(release);
    await time.advance(BOUND / 2);
    assert.deepEqual(journal.find(call.key), { kind: 'settle', call, keep: '10.0.0.2' });
    await time.advance(BOUND);
    assert.deepEqual(keeps(cloud), ['10.0.0.2', undefined]);
  });

  it('is recorded as nothing as soon as the disk can write it', async (t) => {
    const { journal, outbox, cloud, time, failing, settle } = await outboxStage(t);
    const [call, release] = [addressOf('p'), releaseOf('p', '10.0.0.2')];
    settle(call, '10.0.0.2');
    await cloud.until(1);
    await journal.release(release);
    failing.add('write');
    void outbox.release(release);
    failing.clear();
    await time.advance(30_000);
    assert.deepEqual(journal.find(call.key), { kind: 'settle', call, keep: undefined });
  });

  it('is nothing after a start that finds the release in the journal', async (t) => {
    const first = await outboxStage(t);
    const [call, release] = [addressOf('p'), releaseOf('p', '10.0.0.2')];
    first.settle(call, '10.0.0.2');
    await first.journal.release(release);
    await endRun(first);
    const { outbox, cloud } = await outboxStage(t, first);
    outbox.resume();
    await cloud.until(2);
    assert.deepEqual(keeps(cloud), [undefined]);
  });

  it('stays when another address is released, or the same address of another pool', async (t) => {
    const { journal, outbox, cloud, time, settle } = await outboxStage(t);
    cloud.always = HEARD;
    settle(addressOf('p'), '10.0.0.2');
    for (const release of [releaseOf('p', '10.0.0.3'), releaseOf('q', '10.0.0.2')]) {
      await journal.release(release);
      void outbox.release(release);
    }
    await time.advance(BOUND);
    assert.deepEqual(keeps(cloud), ['10.0.0.2', '10.0.0.2']);
  });
});

describe('settlements that many calls need at once', { timeout: TIMEOUT }, () => {
  it('share one attempt', async (t) => {
    const { outbox, cloud, settle } = await outboxStage(t);
    settle(poolOf());
    const { answer } = await cloud.until(1);
    const flushes = Array.from({ length: 50 }, () => outbox.flush(() => true, 600_000));
    await settled();
    assert.equal(cloud.asked.length, 1);
    answer(HEARD);
    await Promise.all(flushes);
  });

  it('are sent at once, and awaited', async (t) => {
    const { outbox, cloud, time, settle } = await outboxStage(t);
    cloud.always = failureOf('silence');
    settle(poolOf());
    await time.advance(60_000);
    const before = cloud.asked.length;
    cloud.always = HEARD;
    await outbox.flush(() => true, 600_000);
    assert.ok(cloud.asked.length > before);
  });

  it('do not delay calls that they do not concern', async (t) => {
    const { outbox, cloud, settle } = await outboxStage(t);
    settle(poolOf());
    await cloud.until(1);
    await outbox.flush(({ method }) => method === 'ReleasePool', 600_000);
  });
});
