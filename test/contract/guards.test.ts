/** Each condition of the store is there for a reason: without it, a test of the contract falls. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, globSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { mutant } from '../support/mutant.ts';
import { guards } from './guards.ts';

const AT_ONCE = 2;

/** Runs tests of the contract on the embedded engine, by their names. @returns those that fell. */
async function falling(root: string, tests: readonly string[]): Promise<string[]> {
  const patterns = tests.map((test) => `--test-name-pattern=${test.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  const args = ['--test-reporter=tap', ...patterns, 'test/contract/embedded.test.ts'];
  // Else it would report to the runner of this very test.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.setEncoding('utf8');
  let output = '';
  for await (const text of child.stdout) output += String(text);
  return [...output.matchAll(/^ +not ok \d+ - (.*)$/gm)].flatMap(([, name = '']) =>
    tests.includes(name) ? [name] : [],
  );
}

describe('without a guard of the store a test of its contract falls', { concurrency: AT_ONCE }, () => {
  it('and with all of them none does (control)', async () => {
    const { root, remove } = await mutant([]);
    try {
      assert.deepEqual(
        await falling(
          root,
          guards.map(({ test }) => test),
        ),
        [],
      );
    } finally {
      await remove();
    }
  });

  for (const { what, edit, test } of guards) {
    it(`${what}: ${edit.file}`, async (t) => {
      const { root, remove } = await mutant([edit]);
      try {
        assert.deepEqual(await falling(root, [test]), [test]);
        t.diagnostic(`falls: ${test}`);
      } finally {
        await remove();
      }
    });
  }

  it('and every condition has its guard in this list', () => {
    const root = path.join(import.meta.dirname, '../..');
    const conditions = globSync('functions/dynamo/*.ts', { cwd: root }).flatMap((file) => {
      const text = readFileSync(path.join(root, file), 'utf8');
      // Those of slots have names.
      const written = text.matchAll(/\bConditionExpression: '[^']+'|^const [A-Z_]+ = ['`][^;]*#slot[^;]*;/gm);
      return [...written].map(([condition]) => ({ file, condition }));
    });
    assert.ok(conditions.length > 10, 'the conditions are not found');
    for (const { file, condition } of conditions) {
      const isListed = guards.some(({ edit }) => edit.file === file && overlaps(edit.find, condition));
      assert.ok(isListed, `${file}: no guard is listed for ${condition}`);
    }
  });
});

const overlaps = (a: string, b: string): boolean => a.includes(b) || b.includes(a);
