/** How the outbox stops, and how it is flushed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TIMEOUT, endRun, openKeys, outboxStage } from './outbox-stage.ts';
import { HEARD, callOf, failureOf, poolOf, releaseOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';

describe('the outbox, when it is stopped', { timeout: TIMEOUT }, () => {
  it('waits for the answer in progress, and records it', async (t) => {
    const { journal, outbox, cloud, release } = await outboxStage(t);
    const fate = release(releaseOf('p', '10.0.0.2'));
    await settled();
    const stopped = outbox.stop().then(() => openKeys(journal));
    await settled();
    cloud.at(0).answer(HEARD);
    assert.deepEqual(await stopped, []);
    assert.equal(await fate, 'heard');
  });

  it('leaves in the journal what is not in progress, and answers the calls that wait for it', async (t) => {
    const { journal, outbox, cloud, release } = await outboxStage(t);
    cloud.always = failureOf('silence');
    const calls = Array.from({ length: 40 }, (_, i) => releaseOf(`p${i >> 1}`, '10.0.0.2'));
    const fates = calls.map(release);
    await settled();
    cloud.always = undefined;
    await outbox.stop();
    const asked = cloud.asked.length;
    assert.deepEqual(new Set(await Promise.all(fates)), new Set(['waiting']));
    assert.equal(journal.entries().length, 40);
    await settled();
    assert.equal(cloud.asked.length, asked);
  });

  it('does not send calls that wait for their turn', async (t) => {
    const { outbox, cloud, release } = await outboxStage(t);
    for (let i = 0; i < 20; i++) void release(releaseOf(`p${i}`, '10.0.0.2'));
    await settled();
    const underWay = cloud.asked.length;
    const stopped = outbox.stop();
    for (const { answer } of cloud.asked) answer(HEARD);
    await stopped;
    assert.ok(underWay < 20 && cloud.asked.length === underWay);
  });

  it('stops also before the fleet has answered a registration', async (t) => {
    const { outbox, release } = await outboxStage(t, { ready: new Promise(() => undefined) });
    const fate = release(releaseOf('p', '10.0.0.2'));
    await settled();
    await outbox.stop();
    assert.equal(await fate, 'waiting');
  });

  it('continues after the next start where it was, in order', async (t) => {
    const first = await outboxStage(t);
    const calls = [releaseOf('p', '10.0.0.2'), callOf('ReleasePool', { PoolID: 'p' })];
    for (const call of calls) void first.release(call);
    await settled();
    const stopped = first.outbox.stop();
    first.cloud.at(0).answer(failureOf('silence'));
    await stopped;
    await endRun(first);
    const second = await outboxStage(t, { folder: first.folder, always: HEARD });
    second.outbox.resume();
    await settled();
    assert.deepEqual(
      second.cloud.keys,
      calls.map(({ key }) => key),
    );
    assert.deepEqual(openKeys(second.journal), []);
  });
});

describe('a flush of the outbox', { timeout: TIMEOUT }, () => {
  const all = (): boolean => true;

  it('ends at once when no call concerns it', async (t) => {
    const { outbox, cloud, release } = await outboxStage(t);
    void release(releaseOf('p', '10.0.0.2'));
    await settled();
    await outbox.flush(({ poolId }) => poolId === 'q', 600_000);
    assert.equal(cloud.asked.length, 1);
  });

  it('sends at once the calls that concern it, and ends when they are accepted', async (t) => {
    const { outbox, cloud, time, release } = await outboxStage(t);
    cloud.always = failureOf('silence');
    const calls = [releaseOf('p', '10.0.0.2'), releaseOf('p', '10.0.0.3')];
    for (const call of calls) void release(call);
    await time.advance(60_000);
    cloud.always = HEARD;
    await outbox.flush(({ address }) => address === '10.0.0.3', 600_000);
    assert.deepEqual(
      cloud.keys.slice(-2),
      calls.map(({ key }) => key),
    );
  });

  it('ends when its time limit is over', async (t) => {
    const { outbox, release } = await outboxStage(t);
    void release(releaseOf('p', '10.0.0.2'));
    await settled();
    await outbox.flush(all, 5);
  });

  it('sends nothing before the fleet has accepted this host', async (t) => {
    const { outbox, cloud, settle } = await outboxStage(t, { ready: new Promise(() => undefined) });
    settle(poolOf('10.0.0.0/24'));
    await outbox.flush(all, 5);
    assert.deepEqual(cloud.keys, []);
  });
});
