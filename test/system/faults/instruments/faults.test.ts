/** Each fault behaves as described. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Fault } from '../../../support/faults.ts';
import { nonsense, refusals, text } from '../../../support/wire-answers.ts';
import { ANSWER, POOL, bench, broken, useBench } from './bench.ts';

useBench();

const suffers = (fault: Fault): void => {
  bench.proxy.program({ path: POOL, fault });
};

describe('a fault', () => {
  it('"delay" delays a request before the function sees it', async () => {
    suffers({ kind: 'delay', ms: 60 });
    const call = bench.post(POOL);
    await bench.post('/other');
    assert.equal(bench.heard, 0);
    assert.equal((await call).body, ANSWER);
    assert.equal(bench.heard, 1);
  });

  for (const kind of ['drop-before', 'reset'] as const) {
    it(`"${kind}" breaks the connection, and the function never sees the request`, async () => {
      suffers({ kind });
      await broken(bench.post(POOL));
      await bench.proxy.quiet();
      assert.equal(bench.heard, 0);
      assert.equal(bench.proxy.passages[0]?.delivered, 0);
    });
  }

  it('"drop-after" lets the function carry the request out, and then breaks the connection', async () => {
    suffers({ kind: 'drop-after' });
    await broken(bench.post(POOL));
    assert.equal(bench.heard, 1);
    assert.equal(bench.proxy.passages[0]?.delivered, 1);
  });

  it('"duplicate" in turn sends a request again after the first answer, and returns the second answer', async () => {
    bench.upstream.say(POOL, text('first'), text('second'));
    suffers({ kind: 'duplicate', order: 'in turn' });
    assert.equal((await bench.post(POOL)).body, 'second');
    assert.equal(bench.proxy.passages[0]?.delivered, 2);
  });

  it('"duplicate" at once sends a request again before the first answer', async () => {
    const waiting: (() => void)[] = [];
    bench.upstream.say(POOL, (_, response) => {
      waiting.push(() => response.end(ANSWER));
      // Neither is answered until both have arrived.
      if (waiting.length === 2) for (const respond of waiting) respond();
    });
    suffers({ kind: 'duplicate', order: 'at once' });
    assert.equal((await bench.post(POOL)).body, ANSWER);
  });

  it('"late" breaks the connection at once and delivers the request after its repeat', async () => {
    bench.proxy.program({ path: POOL, attempt: 1, fault: { kind: 'late', ms: 100 } });
    await broken(bench.post(POOL, 1));
    assert.equal((await bench.post(POOL, 2)).body, ANSWER);
    assert.deepEqual(
      bench.proxy.passages.map(({ delivered }) => delivered),
      [0, 1],
    );
    await bench.proxy.quiet();
    assert.deepEqual(
      bench.upstream.heard.map(({ headers }) => headers['berth-attempt']),
      ['2', '1'],
    );
  });

  it('"truncate" breaks the connection in the middle of the answer', async () => {
    suffers({ kind: 'truncate' });
    await assert.rejects(bench.post(POOL), /aborted/);
    assert.equal(bench.heard, 1);
  });

  it('"drip" sends the answer byte by byte', async () => {
    suffers({ kind: 'drip', pause: 2 });
    const { body, pieces } = await bench.post(POOL);
    assert.equal(body, ANSWER);
    assert.ok(pieces > 2, `${pieces} pieces`);
  });

  it('"hang" never answers, whether the function sees the request or not', async () => {
    for (const carriedOut of [false, true]) {
      suffers({ kind: 'hang', carriedOut });
      const before = bench.proxy.passages.length;
      const call = bench.post(POOL);
      const isDone = (): boolean => bench.proxy.passages[before]?.delivered === (carriedOut ? 1 : 0);
      while (!isDone()) await turn();
      const first = await Promise.race([call, bench.proxy.quiet().then(() => bench.post('/other'))]);
      assert.notEqual(first.body, ANSWER);
      assert.equal(bench.heard, carriedOut ? 1 : 0);
      // The connection breaks when the proxy closes.
      call.catch(() => undefined);
    }
  });

  for (const [what, answer] of Object.entries({ ...refusals, ...nonsense })) {
    it(`"answer" returns ${what}, whether the function sees the request or not`, async () => {
      for (const carriedOut of [false, true]) {
        suffers({ kind: 'answer', answer, carriedOut });
        const { status, body } = await bench.post(POOL);
        assert.equal(status, answer.status);
        assert.equal(body, answer.body.toString());
        assert.equal(bench.heard, carriedOut ? 1 : 0);
      }
    });
  }

  for (const [how, words] of [
    ['refuse', /ECONNREFUSED/],
    ['vanish', /ENOENT/],
  ] as const) {
    it(`that shuts the proxy ("${how}") lasts until it is healed`, async () => {
      await bench.proxy.shut(how);
      await assert.rejects(bench.post(POOL), words);
      await bench.proxy.heal();
      assert.equal((await bench.post(POOL)).body, ANSWER);
    });
  }

  it('leaves nothing behind when the proxy closes', async () => {
    suffers({ kind: 'late', ms: 60_000 });
    await broken(bench.post(POOL));
    await bench.proxy.close();
    assert.equal(bench.heard, 1);
    assert.equal(existsSync(bench.proxy.endpoint.slice('unix:'.length)), false);
  });
});
