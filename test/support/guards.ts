/** Guards of the code, each with a test that fails without it: the test runs on a copy of the code without the guard. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { it } from 'node:test';
import { type Edit, escaped, mutant } from './mutant.ts';

export interface Guard {
  readonly what: string;
  readonly edit: Edit;
  readonly test: TestName;
}

export interface TestName {
  readonly file: string;
  /** Its title, or the start of its title. */
  readonly title: string;
}

interface Outcome {
  readonly title: string;
  readonly isPassed: boolean;
}

/** Defines a test for each guard, and one for the unchanged code. */
export function eachIsMissed(guards: readonly Guard[]): void {
  it('no test fails with all guards (control)', async () => {
    const { root, remove } = await mutant([]);
    try {
      for (const [file, tests = []] of Object.entries(Object.groupBy(guards, ({ test }) => test.file))) {
        const titles = [...new Set(tests.map(({ test }) => test.title))];
        const outcomes = await run(root, file, titles);
        for (const title of titles) {
          const own = outcomes.filter((outcome) => outcome.title.startsWith(title));
          assert.ok(own.length > 0 && own.every(({ isPassed }) => isPassed), `${file}: ${title}`);
        }
      }
    } finally {
      await remove();
    }
  });

  for (const { what, edit, test } of guards) {
    it(`${what}: ${edit.within}`, async (t) => {
      const { root, remove } = await mutant([edit]);
      try {
        const outcomes = await run(root, test.file, [test.title]);
        const fallen = outcomes.filter(({ title, isPassed }) => !isPassed && title.startsWith(test.title));
        assert.notDeepEqual(fallen, [], `no test fails in ${test.file}: ${test.title}`);
        t.diagnostic(`falls: ${test.title}`);
      } finally {
        await remove();
      }
    });
  }
}

/** Runs the tests of a file whose titles contain one of these. */
async function run(root: string, file: string, titles: readonly string[]): Promise<Outcome[]> {
  const patterns = titles.map((title) => `--test-name-pattern=${escaped(title)}`);
  // Otherwise it would report to the runner of this test.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--test-reporter=tap', ...patterns, file], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.setEncoding('utf8');
  let output = '';
  for await (const text of child.stdout) output += String(text);
  return [...output.matchAll(/^ +(not )?ok \d+ - (.*)$/gm)].map(([, not, title = '']) => ({
    title,
    isPassed: not === undefined,
  }));
}
