/** What history must hold on every engine. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { follow } from '../../../functions/ipam/history/follow.ts';
import { whoHadAddress } from '../../../functions/ipam/history/whois.ts';
import type { EngineStore } from '../../support/engine-store.ts';
import { recordedRun } from './history-run.ts';

/** Each makes one change or two. */
const STEPS = 1_000;

export function historyContract(engine: string, open: () => Promise<EngineStore>, skip?: string): void {
  describe(`history on ${engine}`, { skip: skip ?? false }, () => {
    let opened: EngineStore;
    before(async () => {
      opened = await open();
    });
    after(() => opened.close());

    it('says who had an address at a time, or that it does not know, whatever happens to it', async (t) => {
      const verdict = await recordedRun(
        opened,
        { follow, whoHadAddress },
        { seed: 17, steps: STEPS, troubleEvery: 100, askEvery: 8, questions: STEPS },
      );
      const { wrong, ...counts } = verdict;
      t.diagnostic(JSON.stringify(counts));
      assert.deepEqual(wrong, []);
      assert.ok(counts.changes > 1.2 * STEPS && counts.right > STEPS / 3, JSON.stringify(counts));
      assert.ok(counts.deaths > 5 && counts.gaps > 2, JSON.stringify(counts));
    });
  });
}
