/** How the outbox ends, and how it is hurried. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TIMEOUT, endRun, openKeys, outboxStage } from './outbox-stage.ts';
import { HEARD, callOf, failureOf, poolOf, releaseOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';

describe('the outbox, when it is told to stop', { timeout: TIMEOUT }, () => {
  it('waits for the answer that is under way, and writes it down', async (t) => {
    const { journal, outbox, cloud, release } = await outboxStage(t);
    const fate = release(releaseOf('p', '10.0.0.2'));
    await settled();
    const stopped = outbox.stop().then(() => openKeys(journal));
    await settled();
    cloud.at(0).answer(HEARD);
    assert.deepEqual(await stopped, []);
    assert.equal(await fate, 'heard');
  });

  it('leaves in the journal what is not under way, and tells who waits for it', async (t) => {
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

  it('does not send what waits for its turn', async (t) => {
    const { outbox, cloud, release } = await outboxStage(t);
    for (let i = 0; i < 20; i++) void release(releaseOf(`p${i}`, '10.0.0.2'));
    await settled();
    const underWay = cloud.asked.length;
    const stopped = outbox.stop();
    for (const { answer } of cloud.asked) answer(HEARD);
    await stopped;
    assert.ok(underWay < 20 && cloud.asked.length === underWay);
  });

  it('does so also before the fleet has said anything', async (t) => {
    const { outbox, release } = await outboxStage(t, { ready: new Promise(() => undefined) });
    const fate = release(releaseOf('p', '10.0.0.2'));
    await settled();
    await outbox.stop();
    assert.equal(await fate, 'waiting');
  });

  it('goes on after the next start where it was, in order', async (t) => {
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

describe('a flush', { timeout: TIMEOUT }, () => {
  const all = (): boolean => true;

  it('is over at once when nothing concerns it', async (t) => {
    const { outbox, cloud, release } = await outboxStage(t);
    void release(releaseOf('p', '10.0.0.2'));
    await settled();
    await outbox.flush(({ poolId }) => poolId === 'q', 600_000);
    assert.equal(cloud.asked.length, 1);
  });

  it('tries at once what concerns it, and is over when that is heard', async (t) => {
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

  it('ends when its patience does', async (t) => {
    const { outbox, release } = await outboxStage(t);
    void release(releaseOf('p', '10.0.0.2'));
    await settled();
    await outbox.flush(all, 5);
  });

  it('sends nothing before the fleet has taken this host', async (t) => {
    const { outbox, cloud, settle } = await outboxStage(t, { ready: new Promise(() => undefined) });
    settle(poolOf('10.0.0.0/24'));
    await outbox.flush(all, 5);
    assert.deepEqual(cloud.keys, []);
  });
});
