/**
 * Runs every suite and sums up: `npm test`, or `npm test -- SUITE...` for some.
 *
 * With CI=true nothing may be skipped: a suite that cannot run fails.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { root } from './support/repository.ts';

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Suite {
  readonly name: string;
  readonly run: () => Promise<Counts>;
}

/** The tests that did not run, with their reasons. */
const omissions: string[] = [];

const bin = (name: string): string => path.join(root, 'node_modules/.bin', name);

const suites: readonly Suite[] = [
  command('lint', [bin('eslint'), '.'], [bin('prettier'), '--check', '--log-level', 'warn', '.']),
  command('types', [bin('tsc')]),
  tests('unit', 'test/unit/**/*.test.ts', 'test/support/*.test.ts', 'test/*.test.ts'),
  tests('contract', 'test/models/store/**/*.test.ts'),
  tests('sim', 'test/models/*.test.ts'),
  tests('processes', 'test/system/processes/**/*.test.ts', 1),
  tests('fuzz', 'test/system/fuzz/**/*.test.ts'),
  tests('auth', 'test/system/auth/**/*.test.ts'),
  tests('bench', 'bench/**/*.test.ts'),
  tests('conformance', 'test/system/conformance/**/*.test.ts'),
  tests('upgrade', 'test/system/upgrade/**/*.test.ts'),
  tests('faults', 'test/system/faults/**/*.test.ts'),
  tests('accidents', 'test/system/accidents/**/*.test.ts'),
  tests('package', 'test/system/infra/**/*.test.ts'),
  tests('moby', 'test/system/moby/**/*.test.ts', 1),
  // Each file starts many processes, which must answer dockerd in time.
  tests('lambda', 'test/system/lambda/**/*.test.ts', 2),
  // Each file starts an AWS emulator of its own.
  tests('cloud', 'test/system/cloud/**/*.test.ts', 1),
  // Engines and their hosts are heavy: one file at a time.
  tests('engine', 'test/system/engine/**/*.test.ts', 1),
  tests('fleet', 'test/system/fleet/**/*.test.ts', 1),
  tests('compose', 'test/system/compose/**/*.test.ts', 1),
];

/** Each command counts as one test. */
function command(name: string, ...commands: readonly (readonly [string, ...string[]])[]): Suite {
  return {
    name,
    run: () => {
      const statuses = commands.map(
        ([program, ...args]) => spawnSync(program, args, { cwd: root, stdio: 'inherit' }).status,
      );
      const passed = statuses.filter((status) => status === 0).length;
      return Promise.resolve({ passed, failed: statuses.length - passed, skipped: 0 });
    },
  };
}

function tests(name: string, ...globs: readonly (string | number)[]): Suite {
  const patterns = globs.filter((glob) => typeof glob === 'string');
  const concurrency = globs.find((glob) => typeof glob === 'number') ?? true;
  return {
    name,
    run: () => {
      const files = globSync(patterns, { cwd: root }).map((file) => path.join(root, file));
      if (files.length === 0) throw new Error(`suite ${name} has no files`);
      return runFiles(files, concurrency);
    },
  };
}

/**
 * A describe block does not count as a test, but a skipped one stands for all tests in it. A test that is skipped or to do has
 * not passed, and is named at the end.
 */
async function runFiles(files: string[], concurrency: number | true): Promise<Counts> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const stream = run({ files, concurrency, cwd: root });
  stream.on('test:pass', ({ name, details, skip, todo }) => {
    const reason = skip ?? todo;
    if (reason !== undefined) {
      counts.skipped++;
      omissions.push(`SKIPPED: ${name}: ${String(reason)}`);
    } else if (details.type !== 'suite') {
      counts.passed++;
    }
  });
  stream.on('test:fail', ({ details }) => {
    // A block fails with its tests, which are counted themselves; it may also fail by itself, in a hook.
    const byItsTests = 'failureType' in details.error && details.error.failureType === 'subtestsFailed';
    if (!byItsTests) counts.failed++;
  });
  for await (const text of stream.compose(spec)) process.stdout.write(String(text));
  return counts;
}

const minutesSince = (start: number): string => ((performance.now() - start) / 60_000).toFixed(2);

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !suites.some((suite) => suite.name === name));
  if (unknown !== undefined) {
    throw new Error(`no suite ${unknown}: there are ${suites.map(({ name }) => name).join(', ')}`);
  }
  const chosen = names.length === 0 ? suites : suites.filter(({ name }) => names.includes(name));
  const lines: string[] = [];
  const total = { passed: 0, failed: 0, skipped: 0 };
  const began = performance.now();
  for (const suite of chosen) {
    console.log(`\n=== ${suite.name}`);
    const started = performance.now();
    const { passed, failed, skipped } = await suite.run();
    lines.push(
      `${suite.name.padEnd(12)} ${passed} passed, ${failed} failed, ${skipped} skipped  (${minutesSince(started)} min)`,
    );
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  console.log(`\n${[...omissions, ...lines].join('\n')}\n`);
  const forbidden = process.env['CI'] === 'true' ? total.skipped : 0;
  if (forbidden > 0) console.log(`${forbidden} skipped, which CI does not allow: they count as failed`);
  const skipped = total.skipped > forbidden ? `, ${total.skipped} skipped` : '';
  console.log(`${chosen.length} suites in ${minutesSince(began)} min`);
  console.log(`${total.passed} passed, ${total.failed + forbidden} failed${skipped}`);
  process.exitCode = total.failed + forbidden > 0 ? 1 : 0;
}

await main(process.argv.slice(2));
