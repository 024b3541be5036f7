/**
 * Shims are killed at random moments under load: nothing leaks, and nothing is given twice. BERTH_KILLS sets how often,
 * BERTH_SEED when: it determines the moments, but not which calls are in flight then.
 */
import assert from 'node:assert/strict';
import { type TestContext, after, before, describe, it } from 'node:test';
import { LocalCloud } from '../../support/local-cloud.ts';
import { json } from '../../support/wire-answers.ts';
import { FaultyHost } from './host.ts';
import { type Outcome, type TormentWish, torment } from './torment.ts';

const SEED = Number(process.env['BERTH_SEED'] ?? Math.floor(Math.random() * 1_000_000_000));
const KILLS = Number(process.env['BERTH_KILLS'] ?? 200);
const HOSTS = 4;
/** Enough for a control: without its guard, nearly every kill leaks. */
const CONTROL_KILLS = 12;

let cloud: LocalCloud;

before(async () => {
  cloud = await LocalCloud.start();
  // A process that ends by itself leaves its compile cache to the others.
  await (await FaultyHost.start(cloud, 'first')).stop();
});

after(() => cloud.stop());

async function run(t: TestContext, wish: TormentWish): Promise<Outcome> {
  t.diagnostic(`BERTH_SEED=${SEED}`);
  const outcome = await torment(cloud, wish);
  const { cutOff, unknown, excused } = outcome;
  t.diagnostic(
    `${wish.hosts * wish.kills} kills: ${cutOff} calls cut off, ${unknown} of them releases, ` +
      `${excused.length} after their grant was written down`,
  );
  return outcome;
}

const leaks = ({ differences }: Outcome): string[] =>
  differences.map(({ text }) => text).filter((text) => text.startsWith('leaked: '));

describe('shims that are killed again and again', () => {
  it('leak nothing, lose nothing and give nothing twice', async (t) => {
    const outcome = await run(t, { name: 'k', seed: SEED, hosts: HOSTS, kills: Math.ceil(KILLS / HOSTS) });
    assert.deepEqual(outcome.differences, []);
    assert.deepEqual(outcome.doubles, []);
    assert.ok(outcome.cutOff >= KILLS / 2, `only ${outcome.cutOff} calls were cut off`);
  });

  it('leak when interrupted calls are not settled (control)', async (t) => {
    const settled = { kind: 'answer', answer: json({}), carriedOut: false } as const;
    const outcome = await run(t, {
      name: 's',
      seed: SEED,
      hosts: 1,
      kills: CONTROL_KILLS,
      prepare: ({ proxy }) => {
        proxy.insist({ path: '/Berth.Settle', fault: settled });
      },
    });
    assert.notDeepEqual(leaks(outcome), []);
  });

  it('leak when their journal is missing (control)', async (t) => {
    const outcome = await run(t, {
      name: 'j',
      seed: SEED,
      hosts: 1,
      kills: CONTROL_KILLS,
      afterKill: (host) => {
        host.removeJournal();
      },
    });
    assert.notDeepEqual(leaks(outcome), []);
  });
});
