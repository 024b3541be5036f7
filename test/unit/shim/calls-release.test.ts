import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stage } from './calls-stage.ts';
import { TIMEOUT } from './outbox-stage.ts';
import { HEARD, addressOf, callOf, failureOf, refusalOf, releaseOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';

describe('a release', { timeout: TIMEOUT }, () => {
  it('is answered when the cloud has accepted it, if that is soon', async (t) => {
    const { cloud, journal, answer } = await stage(t);
    cloud.always = HEARD;
    assert.equal((await answer(releaseOf('p', '10.0.0.2'))).text, '{}');
    assert.deepEqual([cloud.asked.length, journal.entries()], [1, []]);
  });

  it('is on the disk before it is sent', async (t) => {
    const { cloud, journal, failing, answer } = await stage(t);
    failing.add('syncData');
    const call = releaseOf('p', '10.0.0.2');
    const reply = answer(call);
    assert.deepEqual(journal.entries(), [{ kind: 'release', call }]);
    assert.deepEqual(cloud.asked, []);
    (await cloud.until(1)).answer(HEARD);
    await reply;
  });

  it('is answered once even if the cloud is silent, and retried', async (t) => {
    const { cloud, journal, answer } = await stage(t);
    const call = releaseOf('p', '10.0.0.2');
    const { text, refusal } = await answer(call);
    assert.deepEqual([text, refusal], ['{}', undefined]);
    assert.deepEqual(journal.entries(), [{ kind: 'release', call }]);
    cloud.at(0).answer(HEARD);
    await settled();
    assert.deepEqual(journal.entries(), []);
  });

  it('waits only for the disk while another release waits for the cloud', async (t) => {
    const { cloud, answer } = await stage(t);
    const first = answer(releaseOf('p', '10.0.0.2'));
    await cloud.until(1);
    let isFirst = true;
    const others = [answer(releaseOf('p', '10.0.0.3')), answer(callOf('ReleasePool', { PoolID: 'q' }))];
    const all = [...others, first.finally(() => (isFirst = false))];
    for (const other of others) assert.equal((await other).text, '{}');
    assert.ok(isFirst, 'the first release still waits');
    await Promise.all(all);
  });

  it('that the cloud refuses at once returns the refusal', async (t) => {
    const { cloud, journal, answer } = await stage(t);
    cloud.always = refusalOf('invalid pool id');
    assert.equal((await answer(releaseOf('p', '10.0.0.2'))).text, '{"Error":"invalid pool id"}');
    assert.deepEqual([journal.entries(), journal.stats.deadLetters], [[], 1]);
  });

  it('is accepted also while the fleet refuses this host, or when dockerd no longer waits', async (t) => {
    const { cloud, answer } = await stage(t, { barred: () => 'another machine is this host' });
    cloud.always = HEARD;
    assert.equal((await answer(releaseOf('p', '10.0.0.2'), { gone: AbortSignal.abort() })).text, '{}');
    assert.equal(cloud.asked.length, 1);
  });

  it('of what a settlement keeps is sent even if the disk cannot record that nothing is kept any more', async (t) => {
    const { cloud, failing, settle, answer } = await stage(t);
    const open = addressOf('p');
    settle(open, '10.0.0.2');
    (await cloud.until(1)).answer(HEARD);
    const call = releaseOf('p', '10.0.0.2');
    const reply = answer(call);
    failing.add('write');
    const { call: tried, answer: hear } = await cloud.until(2);
    assert.equal(tried.key, call.key);
    hear(HEARD);
    assert.equal((await reply).text, '{}');
  });
});

describe('a release that cannot be written to the disk', { timeout: TIMEOUT }, () => {
  it('is sent all the same, and answered when the cloud has accepted it', async (t) => {
    const { attempts, failing, journal, answer } = await stage(t, { always: HEARD });
    failing.add('write');
    assert.equal((await answer(releaseOf('p', '10.0.0.2'))).text, '{}');
    assert.deepEqual([attempts.length, journal.entries()], [1, []]);
  });

  it('is refused with the errors of disk and cloud when the cloud does not answer either', async (t) => {
    const { failing, answer } = await stage(t, { always: failureOf('silence') });
    failing.add('write');
    const { refusal } = await answer(releaseOf('p', '10.0.0.2'));
    assert.match(String(refusal), /^Berth cannot write its journal: no space left .*; silence$/);
  });

  it("is refused with the function's message when the function refuses it", async (t) => {
    const { failing, answer } = await stage(t, { always: refusalOf('invalid pool id') });
    failing.add('write');
    assert.equal((await answer(releaseOf('p', '10.0.0.2'))).refusal, 'invalid pool id');
  });

  it('ends what a settlement keeps', async (t) => {
    const { attempts, cloud, time, failing, settle, answer } = await stage(t, { always: HEARD });
    const open = addressOf('p');
    settle(open, '10.0.0.2');
    (await cloud.until(1)).answer(HEARD);
    failing.add('write');
    await answer(releaseOf('p', '10.0.0.2'));
    assert.equal(attempts.length, 1);
    await time.advance(1_000);
    assert.deepEqual((await cloud.until(2)).keep, undefined);
  });

  it('is sent in order if it is in the file but not flushed, and removed from the journal later', async (t) => {
    const { attempts, cloud, journal, time, failing, answer } = await stage(t);
    failing.add('syncData');
    const reply = answer(releaseOf('p', '10.0.0.2'));
    const { answer: hear } = await cloud.until(1);
    failing.add('write').add('rename');
    hear(HEARD);
    assert.equal((await reply).text, '{}');
    failing.clear();
    await time.advance(60_000);
    assert.deepEqual([attempts, journal.entries()], [[], []]);
  });

  it('is refused if it is in the file but not flushed while the cloud is silent, and retried', async (t) => {
    const { cloud, journal, failing, answer } = await stage(t);
    failing.add('syncData');
    const { refusal } = await answer(releaseOf('p', '10.0.0.2'), { until: performance.now() + 50 });
    assert.match(String(refusal), /^Berth cannot write its journal: .*; the release has not reached the cloud yet$/);
    failing.clear();
    cloud.at(0).answer(HEARD);
    await settled();
    assert.deepEqual(journal.entries(), []);
  });
});
