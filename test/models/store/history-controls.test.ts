/** Without one of its guards, history gives an answer that the oracle knows to be wrong. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { engineStore } from '../../support/engine-store.ts';
import { type Edit, mutant } from '../../support/mutant.ts';
import * as own from './history-rules.ts';
import { type Rules, recordedRun } from './history-run.ts';

const controls: readonly (Edit & { readonly title: string })[] = [
  {
    title: 'it answers times of which it has not read all changes',
    within: 'whoHadAddress',
    find: '(second + 1) * 1_000 <= until',
    replace: 'true',
  },
  {
    title: 'it goes on as if nothing was lost',
    within: 'follow',
    find: 'const gap = before ?? read.lost;',
    replace: "const gap = seen === undefined ? '' : undefined;",
  },
  {
    title: 'a part of the stream that was removed is passed over',
    within: 'readShard',
    find: 'if (place === undefined) return TRIMMED;',
    replace: 'if (place === undefined) return { ...TRIMMED, lost: undefined, isAtEnd: true };',
  },
  {
    title: 'the second of a change has one state only',
    within: 'spansAt',
    find: 'from <= second && second <= to',
    replace: 'from <= second && second < to',
  },
  {
    title: 'it stops reading before the time that was asked about',
    within: 'logsOf',
    find: 'if (log.before >= (second + 1) * 1_000) break;',
    replace: 'if (log.before >= (second - 600) * 1_000) break;',
  },
];

const RUN = { seed: 5, steps: 150, troubleEvery: 20, askEvery: 1, questions: 300 };

async function withoutGuard<T>(edit: Edit, run: (rules: Rules) => Promise<T>): Promise<T> {
  const copy = await mutant([edit]);
  try {
    const loaded: unknown = await import(
      pathToFileURL(path.join(copy.root, 'test/models/store/history-rules.ts')).href
    );
    if (!isRules(loaded)) throw new Error('the copy lacks a rule');
    return await run(loaded);
  } finally {
    await copy.remove();
  }
}

const isRules = (loaded: unknown): loaded is Rules =>
  typeof loaded === 'object' && loaded !== null && Object.keys(own).every((name) => name in loaded);

describe('the oracle of history', () => {
  for (const { title, ...edit } of controls) {
    it(`fails when ${title}`, async () => {
      const engine = await engineStore();
      try {
        const { wrong } = await withoutGuard(edit, (rules) => recordedRun(engine, rules, RUN));
        assert.ok(wrong.length > 0);
      } finally {
        await engine.close();
      }
    });
  }

  it('finds nothing with all guards', async () => {
    const engine = await engineStore();
    try {
      const { wrong } = await recordedRun(engine, own, RUN);
      assert.deepEqual(wrong, []);
    } finally {
      await engine.close();
    }
  });
});
