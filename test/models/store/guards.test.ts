/** Each condition of the store has a reason: without it, a test of the contract fails. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { root } from '../../support/repository.ts';
import { eachIsMissed } from '../../support/guards.ts';
import { locate } from '../../support/mutant.ts';
import { guards } from './guards.ts';

const AT_ONCE = 2;
const FILE = 'test/models/store/embedded.test.ts';

describe('without a guard of the store, a test of its contract fails', { concurrency: AT_ONCE }, () => {
  eachIsMissed(guards.map(({ test, ...guard }) => ({ ...guard, test: { file: FILE, title: test } })));

  it('every condition of the store has a guard in this list', () => {
    const conditions = globSync('functions/dynamo/**/*.ts', { cwd: root }).flatMap((file) => {
      const text = readFileSync(path.join(root, file), 'utf8');
      // Conditions of slots are named constants.
      const written = text.matchAll(/\bConditionExpression: '[^']+'|^const [A-Z_]+ = ['`][^;]*#slot[^;]*;/gm);
      return [...written].map(({ index, 0: condition }) => ({ file, condition, index }));
    });
    assert.ok(conditions.length > 10, 'the conditions are not found');
    const places = guards.map(({ edit }) => locate(edit));
    for (const { file, condition, index } of conditions) {
      const isListed = places.some(
        (place) => place.file === file && place.start < index + condition.length && index < place.end,
      );
      assert.ok(isListed, `${file}: no guard is listed for ${condition}`);
    }
  });
});
