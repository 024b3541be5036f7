/** Each guard of the journal is there for a reason: without it, a test falls. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { mutant } from '../../support/mutant.ts';
import { guards } from './guards.ts';

const AT_ONCE = 2;

/** @returns the tests of a file that ran, and how each ended. */
async function outcomes(root: string, file: string, title?: string): Promise<{ name: string; isOk: boolean }[]> {
  const pattern = title === undefined ? [] : [`--test-name-pattern=${title}`];
  const args = ['--test-reporter=tap', ...pattern, `test/shim/journal/${file}.test.ts`];
  // Else it would report to the runner of this very test.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.setEncoding('utf8');
  let output = '';
  for await (const text of child.stdout) output += String(text);
  return [...output.matchAll(/^ +(not )?ok \d+ - (.*)$/gm)].map(([, not, name = '']) => ({
    name,
    isOk: not === undefined,
  }));
}

describe('without a guard of the journal a test falls', { concurrency: AT_ONCE }, () => {
  it('and in a copy with all of them none does (control)', async () => {
    const { root, remove } = await mutant([]);
    try {
      const ran = await outcomes(root, 'journal');
      assert.ok(ran.length > 10);
      assert.ok(ran.every(({ isOk }) => isOk));
    } finally {
      await remove();
    }
  });

  for (const { what, edit, test } of guards) {
    it(what, async (t) => {
      const { root, remove } = await mutant([edit]);
      try {
        const [file, title] = test;
        const ran = await outcomes(root, file, title);
        assert.ok(
          ran.some(({ name, isOk }) => name.startsWith(title) && !isOk),
          `nothing falls in ${file}: ${title}`,
        );
        t.diagnostic(`falls: ${title}`);
      } finally {
        await remove();
      }
    });
  }
});
