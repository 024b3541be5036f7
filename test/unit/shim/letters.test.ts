/** The calls that a shim gave up: listed, put back on their way, dropped. */
import assert from 'node:assert/strict';
import { type TestContext, describe, it } from 'node:test';
import { handleLetters } from '../../../shim/plugin/letters.ts';
import { TIMEOUT, type OutboxStage, openKeys, outboxStage } from './outbox-stage.ts';
import { HEARD, addressOf, refusalOf, releaseOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';

const RELEASE = releaseOf('p', '10.0.0.2');

/** A release that was refused. */
async function refused(t: TestContext): Promise<OutboxStage> {
  const stage = await outboxStage(t, { always: refusalOf('the pool is gone') });
  assert.deepEqual(await stage.release(RELEASE), { refusal: 'the pool is gone' });
  return stage;
}

const all = (stage: OutboxStage, message: Parameters<typeof handleLetters>[1]) => handleLetters(stage, message);

describe('dead letters', { timeout: TIMEOUT }, () => {
  it('are listed with what they are about', async (t) => {
    const stage = await refused(t);
    const { letters } = await all(stage, { do: 'list' });
    assert.deepEqual(
      letters.map(({ at: _, ...letter }) => letter),
      [
        {
          id: RELEASE.key,
          kind: 'release',
          method: 'ReleaseAddress',
          pool: 'p',
          address: '10.0.0.2',
          reason: 'the pool is gone',
        },
      ],
    );
  });

  it('go on their way again once, and are gone when the fleet takes them', async (t) => {
    const stage = await refused(t);
    stage.cloud.always = HEARD;
    const { outcomes } = await all(stage, { do: 'retry', ids: [RELEASE.key] });
    assert.deepEqual(outcomes, [{ id: RELEASE.key, outcome: 'done' }]);
    assert.deepEqual([stage.journal.letters(), openKeys(stage.journal)], [[], []]);
  });

  it('are letters again, once, when they are refused again', async (t) => {
    const stage = await refused(t);
    stage.cloud.always = refusalOf('still gone');
    const { outcomes } = await all(stage, { do: 'retry', ids: null });
    assert.deepEqual(outcomes, [{ id: RELEASE.key, outcome: 'refused: still gone' }]);
    assert.deepEqual(
      stage.journal.letters().map(({ reason }) => reason),
      ['still gone'],
    );
  });

  it('of requests are not repeated: only Docker knows what is in use', async (t) => {
    const stage = await outboxStage(t, { always: refusalOf('no') });
    const call = addressOf('p', '10.0.0.9');
    stage.settle(call);
    await settled();
    void stage.time.advance(60_000);
    await settled();
    assert.equal(stage.journal.letters().length, 1);
    const { outcomes } = await all(stage, { do: 'retry', ids: null });
    assert.match(outcomes[0]?.outcome ?? '', /^not a release: berth doctor --fix/);
    assert.equal(stage.journal.letters().length, 1);
  });

  it('are dropped, and the log says why', async (t) => {
    const stage = await refused(t);
    const { dropped } = await all(stage, { do: 'drop', ids: ['none'], why: '' });
    assert.equal(dropped, 0);
    assert.equal((await all(stage, { do: 'drop', ids: [RELEASE.key], why: 'freed by hand' })).dropped, 1);
    assert.deepEqual(stage.journal.letters(), []);
    assert.equal(stage.log.lines.at(-1)?.message, 'dead letters are dropped: freed by hand');
  });
});
