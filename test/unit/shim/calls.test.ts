import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stage } from './calls-stage.ts';
import { TIMEOUT } from './outbox-stage.ts';
import { HEARD, addressOf, failureOf, grantOf, poolOf, refusalOf, releaseOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';

const gone = AbortSignal.abort();

describe('a request', { timeout: TIMEOUT }, () => {
  it('is in the journal until it is answered', async (t) => {
    const { journal, attempts, answer } = await stage(t);
    const call = addressOf('p');
    const reply = answer(call);
    await settled();
    assert.deepEqual(journal.entries(), [{ kind: 'begun', call }]);
    attempts[0]?.answer(grantOf('10.0.0.2'));
    assert.equal((await reply).text, grantOf('10.0.0.2').text);
    assert.deepEqual(journal.entries(), []);
  });

  it("that is refused leaves nothing behind, and dockerd receives the function's message", async (t) => {
    const { journal, answer } = await stage(t, { always: refusalOf('no address left') });
    const { text, refusal } = await answer(addressOf('p'));
    assert.deepEqual([text, refusal, journal.entries()], ['{"Error":"no address left"}', 'no address left', []]);
  });

  it('is settled, its result kept, when an earlier attempt was not answered', async (t) => {
    const { attempts, cloud, answer } = await stage(t);
    const reply = answer(addressOf('p'));
    await settled();
    attempts[0]?.answer(failureOf('silence'));
    while (attempts.length < 2) await settled();
    attempts[1]?.answer(grantOf('10.0.0.2'));
    assert.equal((await reply).attempts, 2);
    assert.deepEqual((await cloud.until(1)).keep, '10.0.0.2');
  });

  it('is settled with nothing kept when no attempt was answered', async (t) => {
    const { cloud, answer } = await stage(t, { always: failureOf('silence', { remedy: 'none' }) });
    assert.equal((await answer(addressOf('p'))).text, '{"Error":"silence"}');
    assert.deepEqual((await cloud.until(1)).keep, undefined);
  });

  it('is not settled when it has reached no function', async (t) => {
    const { journal, cloud, answer } = await stage(t, {
      always: failureOf('no route', { isOpen: false, remedy: 'none' }),
    });
    await answer(addressOf('p'));
    await settled();
    assert.deepEqual([journal.entries(), cloud.asked], [[], []]);
  });

  it('reports how often it was tried', async (t) => {
    const { answer } = await stage(t, { always: failureOf('silence') });
    const { refusal } = await answer(addressOf('p'), { until: performance.now() + 400 });
    assert.match(String(refusal), /^silence \(tried \d+ times\)$/);
  });
});

describe('a request that dockerd no longer waits for', { timeout: TIMEOUT }, () => {
  it('is not begun', async (t) => {
    const { attempts, journal, answer } = await stage(t, { always: grantOf('10.0.0.2') });
    await answer(addressOf('p'), { gone });
    assert.deepEqual([attempts, journal.entries()], [[], []]);
  });

  it('is undone when it is granted', async (t) => {
    const { attempts, cloud, journal, answer } = await stage(t);
    const asker = new AbortController();
    const reply = answer(addressOf('p'), { gone: asker.signal });
    await settled();
    asker.abort();
    attempts[0]?.answer(grantOf('10.0.0.2'));
    await reply;
    assert.equal(journal.entries()[0]?.kind, 'settle');
    assert.deepEqual((await cloud.until(1)).keep, undefined);
  });

  it('leaves nothing to undo when it is refused', async (t) => {
    const { attempts, journal, answer } = await stage(t);
    const asker = new AbortController();
    const reply = answer(addressOf('p'), { gone: asker.signal });
    await settled();
    asker.abort();
    attempts[0]?.answer(refusalOf('no'));
    await reply;
    assert.deepEqual(journal.entries(), []);
  });

  it('is not begun when its time is over before its turn', async (t) => {
    const { attempts, answer } = await stage(t, { always: grantOf('10.0.0.2') });
    const { refusal } = await answer(addressOf('p'), { until: performance.now() - 1 });
    assert.match(String(refusal), /^the call waited too long behind other calls/);
    assert.deepEqual(attempts, []);
  });
});

describe('a request that the journal cannot write', { timeout: TIMEOUT }, () => {
  it('is refused and not sent when the disk is full', async (t) => {
    const { attempts, failing, answer } = await stage(t, { always: grantOf('10.0.0.2') });
    failing.add('write');
    const { refusal } = await answer(addressOf('p'));
    assert.match(String(refusal), /^Berth cannot write its journal: no space left on the device: free some in /);
    assert.deepEqual(attempts, []);
  });

  it('is refused and undone when the disk is full for its result', async (t) => {
    const { attempts, failing, cloud, time, journal, answer } = await stage(t);
    const reply = answer(addressOf('p'));
    await settled();
    failing.add('write');
    attempts[0]?.answer(grantOf('10.0.0.2'));
    assert.match(String((await reply).refusal), /^Berth cannot write its journal/);
    cloud.always = HEARD;
    const first = await cloud.until(1);
    first.answer(HEARD);
    assert.equal(first.keep, undefined);
    failing.clear();
    await time.advance(60_000);
    assert.deepEqual(journal.entries(), []);
  });
});

describe('a request that is not allowed', { timeout: TIMEOUT }, () => {
  it('is refused as long as the fleet refuses this host, and accepted afterwards', async (t) => {
    let reason: string | undefined = 'another machine is this host';
    const { attempts, answer } = await stage(t, { always: grantOf('10.0.0.2'), barred: () => reason });
    assert.equal((await answer(addressOf('p'))).refusal, reason);
    assert.deepEqual(attempts, []);
    reason = undefined;
    assert.equal((await answer(addressOf('p'))).refusal, undefined);
  });

  it('is refused when dockerd has used none of the last automatic pools', async (t) => {
    const { journal, attempts, answer } = await stage(t);
    for (let i = 0; i < 16; i++) {
      const reply = answer(poolOf());
      while (attempts.length <= i) await settled();
      attempts[i]?.answer(grantOf(`pool-${i}`));
      await reply;
    }
    assert.match(String((await answer(poolOf())).refusal), /^dockerd asked for 16 automatic pools/);
    assert.deepEqual(journal.entries(), []);
    const given = answer(poolOf('10.0.0.0/24'));
    while (attempts.length < 17) await settled();
    attempts[16]?.answer(grantOf('pool-16'));
    assert.equal((await given).refusal, undefined);
  });

  it('is refused when the queue is full, whatever the queued calls wait for', async (t) => {
    const { attempts, answer } = await stage(t);
    const waiting = Array.from({ length: 64 + 512 }, () => answer(addressOf('p')));
    await settled();
    assert.equal(attempts.length, 64);
    assert.match(String((await answer(addressOf('p'))).refusal), /^64 calls wait for Berth's functions and 512 more/);
    attempts[0]?.answer(grantOf('10.0.0.2'));
    await Promise.race(waiting);
    await settled();
    assert.equal(attempts.length, 65);
    const next = answer(addressOf('p'));
    for (let i = 0; i < 64 + 513; i++) {
      while (attempts.length <= i) await settled();
      attempts[i]?.answer(refusalOf('no'));
    }
    assert.equal((await next).refusal, 'no');
  });

  it('is refused for a full queue even if it would wait for releases first', async (t) => {
    const { release, cloud, answer } = await stage(t);
    void release(releaseOf('p', '10.0.0.2'));
    await cloud.until(1);
    const until = performance.now() + 100;
    for (let i = 0; i < 64 + 512; i++) void answer(addressOf('p', '10.0.0.9'), { until });
    assert.match(String((await answer(addressOf('p'))).refusal), /^64 calls wait/);
  });
});
