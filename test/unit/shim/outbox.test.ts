import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TIMEOUT, openKeys, outboxStage } from './outbox-stage.ts';
import { HEARD, callOf, failureOf, refusalOf, releaseOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';

describe('a release in the outbox', { timeout: TIMEOUT }, () => {
  it('is removed when the cloud has accepted it', async (t) => {
    const { journal, outbox, release } = await outboxStage(t, { always: HEARD });
    assert.equal(await release(releaseOf('p', '10.0.0.2')), 'heard');
    assert.deepEqual(openKeys(journal), []);
    assert.ok(outbox.isIdle);
  });

  it('waits for earlier ones of the same address, and for no other', async (t) => {
    const { cloud, release } = await outboxStage(t);
    const [first, second] = [releaseOf('p', '10.0.0.2'), releaseOf('p', '10.0.0.2')];
    const [beside, other] = [releaseOf('p', '10.0.0.3'), releaseOf('q', '10.0.0.2')];
    for (const call of [first, second, beside, other]) void release(call);
    await settled();
    assert.deepEqual(cloud.keys, [first.key, beside.key, other.key]);
    cloud.at(0).answer(HEARD);
    await settled();
    assert.deepEqual(cloud.keys.slice(3), [second.key]);
  });

  it('of a network waits for all earlier ones in that network, and holds back the later ones', async (t) => {
    const { cloud, release } = await outboxStage(t);
    const [one, two, late] = [releaseOf('p', '10.0.0.2'), releaseOf('p', '10.0.0.3'), releaseOf('p', '10.0.0.4')];
    const network = callOf('ReleasePool', { PoolID: 'p' });
    for (const call of [one, two, network, late]) void release(call);
    await settled();
    assert.deepEqual(cloud.keys, [one.key, two.key]);
    cloud.at(1).answer(HEARD);
    await settled();
    assert.equal(cloud.keys.length, 2);
    cloud.at(0).answer(HEARD);
    await settled();
    assert.deepEqual(cloud.keys.slice(2), [network.key]);
    cloud.at(2).answer(HEARD);
    await settled();
    assert.deepEqual(cloud.keys.slice(3), [late.key]);
  });

  it('takes the memory of one, however many releases of its address wait before it', async (t) => {
    const { cloud, release } = await outboxStage(t);
    const calls = Array.from({ length: 4_000 }, () => releaseOf('p', '10.0.0.2'));
    const before = process.memoryUsage().heapUsed;
    for (const call of calls) void release(call);
    await settled();
    const grown = process.memoryUsage().heapUsed - before;
    assert.ok(grown < 200 * 2 ** 20, `the heap grew by ${Math.round(grown / 2 ** 20)} MiB`);
    assert.deepEqual(cloud.keys, [calls[0]?.key]);
  });

  it('is retried under its own key until it is accepted, with pauses that grow to half a minute', async (t) => {
    const { cloud, time, release, log } = await outboxStage(t);
    cloud.always = failureOf('silence');
    const call = releaseOf('p', '10.0.0.2');
    const fate = release(call);
    await time.advance(120_000);
    assert.deepEqual(time.pauses.slice(0, 8), [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    cloud.always = HEARD;
    await time.advance(30_000);
    assert.equal(await fate, 'heard');
    assert.deepEqual(new Set(cloud.keys), new Set([call.key]));
    assert.equal(log.lines.length, 1, 'and the log is not filled with it');
  });

  it('that fails holds back only its own pool', async (t) => {
    const { cloud, release } = await outboxStage(t);
    const sick = releaseOf('sick', '10.0.0.2');
    void release(sick);
    await settled();
    cloud.at(0).answer(failureOf('silence'));
    cloud.always = HEARD;
    assert.equal(await release(releaseOf('sound', '10.1.0.2')), 'heard');
  });

  it('goes to the dead letters when it is refused, and the later ones continue', async (t) => {
    const { journal, cloud, release } = await outboxStage(t);
    const fates = [release(releaseOf('p', '10.0.0.2')), release(releaseOf('p', '10.0.0.3'))];
    await settled();
    cloud.at(0).answer(refusalOf('invalid pool id'));
    await settled();
    cloud.at(1).answer(HEARD);
    assert.deepEqual(await Promise.all(fates), [{ refusal: 'invalid pool id' }, 'heard']);
    assert.equal(journal.stats.deadLetters, 1);
    assert.deepEqual(openKeys(journal), []);
  });

  it('does not wait for the end of its pause once another was accepted', async (t) => {
    const { cloud, time, release } = await outboxStage(t);
    cloud.always = failureOf('silence');
    void release(releaseOf('p', '10.0.0.2'));
    await time.advance(60_000);
    const before = cloud.asked.length;
    cloud.always = HEARD;
    await release(releaseOf('q', '10.1.0.2'));
    await settled();
    assert.equal(cloud.asked.length, before + 2);
  });

  it('is sent when the fleet has accepted this host, and not before', async (t) => {
    const taken = Promise.withResolvers<undefined>();
    const { cloud, release } = await outboxStage(t, { ready: taken.promise, always: HEARD });
    const fate = release(releaseOf('p', '10.0.0.2'));
    await settled();
    assert.deepEqual(cloud.keys, []);
    taken.resolve(undefined);
    assert.equal(await fate, 'heard');
  });

  it('is skipped when it was given up in the meantime', async (t) => {
    const taken = Promise.withResolvers<undefined>();
    const { cloud, journal, release } = await outboxStage(t, { ready: taken.promise, always: HEARD });
    const call = releaseOf('p', '10.0.0.2');
    const fate = release(call);
    await settled();
    journal.deadLetter(call.key, 'an earlier machine left it');
    taken.resolve(undefined);
    assert.equal(await fate, 'heard');
    assert.deepEqual(cloud.keys, []);
  });

  it('is retried also after a sender that throws', async (t) => {
    const { cloud, time, release } = await outboxStage(t, { always: HEARD });
    t.mock.method(cloud, 'release', () => Promise.reject(new Error('unforeseen')), { times: 1 });
    const fate = release(releaseOf('p', '10.0.0.2'));
    await time.advance(1_000);
    assert.equal(await fate, 'heard');
  });
});

describe('a release that the cloud has accepted while the disk is full', { timeout: TIMEOUT }, () => {
  it('holds back no other, and is removed when there is space again', async (t) => {
    const { journal, cloud, time, failing, release } = await outboxStage(t);
    const [first, second] = [releaseOf('p', '10.0.0.2'), releaseOf('p', '10.0.0.2')];
    const fates = [release(first), release(second)];
    const { answer } = await cloud.until(1);
    while (journal.entries().length < 2) await settled();
    failing.add('write');
    cloud.always = HEARD;
    answer(HEARD);
    assert.deepEqual(await Promise.all(fates), ['heard', 'heard']);
    assert.deepEqual(openKeys(journal), [first.key, second.key]);
    failing.clear();
    await time.advance(30_000);
    assert.deepEqual(openKeys(journal), []);
    assert.deepEqual(cloud.keys, [first.key, second.key], 'and nothing is sent again for it');
  });

  it('goes to the dead letters when there is space again, if it was refused', async (t) => {
    const { journal, cloud, time, failing, release } = await outboxStage(t);
    const fate = release(releaseOf('p', '10.0.0.2'));
    const { answer } = await cloud.until(1);
    failing.add('write').add('sync');
    answer(refusalOf('no'));
    assert.deepEqual(await fate, { refusal: 'no' });
    assert.equal(journal.stats.deadLetters, 0);
    failing.clear();
    await time.advance(30_000);
    assert.deepEqual([openKeys(journal), journal.stats.deadLetters], [[], 1]);
  });
});
