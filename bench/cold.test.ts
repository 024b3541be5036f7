/** The benchmark itself, once for each function: it runs, and its counts are there. Times are not judged. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { printed } from './run.ts';

it('bench:cold loads and calls every function, and compares other ways to build it', () => {
  const stdout = printed('cold.ts', '--quick');
  for (const name of ['capabilities', 'pools', 'addresses', 'hosts', 'console', 'viewer', 'check', 'sweep']) {
    for (const way of ['Berth', "esbuild's defaults"]) {
      assert.match(stdout, new RegExp(`^\\| ${name} \\| ${way} \\| [\\d.]+ \\| \\d+ \\| [\\d.]+ \\|$`, 'm'));
      assert.match(stdout, new RegExp(`^\\| ${name} \\| ${way} (\\| [\\d.]+ ){4}\\|$`, 'm'));
    }
  }
  assert.match(stdout, /^\| one GetItem \| hand-written (\| [\d.]+ ){3}\| 1 \|$/m);
});
