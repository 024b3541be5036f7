import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseFleetEvent } from '../../../../functions/lambda/fleet-event.ts';
import { startTicker } from '../../../../infra/local/ticker.ts';

it('the ticker calls with a schedule event, one call at a time, and waits for the last when it stops', async () => {
  const called = Promise.withResolvers<undefined>();
  const finish = Promise.withResolvers<undefined>();
  let calls = 0;
  let isOver = false;
  const ticker = startTicker({
    every: 1,
    timeout: 60_000,
    handler: async (event, context) => {
      calls++;
      assert.deepEqual(parseFleetEvent(event), { kind: 'tick' });
      assert.ok(context.getRemainingTimeInMillis() > 30_000);
      called.resolve(undefined);
      await finish.promise;
      isOver = true;
    },
  });
  await called.promise;
  const stopped = ticker.stop();
  assert.equal(await Promise.race([stopped, Promise.resolve('busy')]), 'busy');
  finish.resolve(undefined);
  await stopped;
  assert.deepEqual([calls, isOver], [1, true]);
});

it('the ticker continues after a failed call', async (t) => {
  t.mock.method(console, 'error', () => undefined);
  const twice = Promise.withResolvers<undefined>();
  let calls = 0;
  const ticker = startTicker({
    every: 1,
    timeout: 1_000,
    handler: () => {
      if (++calls === 2) twice.resolve(undefined);
      return Promise.reject(new Error('no table'));
    },
  });
  await twice.promise;
  await ticker.stop();
});
