/** The benchmark itself, once for each function: it runs, and its counts are there. Times are not judged. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { it } from 'node:test';

it('bench:cold loads and calls every function, and compares other ways to build it', () => {
  const root = path.join(import.meta.dirname, '..');
  const args = ['bench/cold.ts', '--quick'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  for (const name of ['capabilities', 'pools', 'addresses', 'hosts', 'console', 'sweep']) {
    for (const way of ['Berth', "esbuild's defaults"]) {
      assert.match(stdout, new RegExp(`^\\| ${name} \\| ${way} \\| [\\d.]+ \\| \\d+ \\| [\\d.]+ \\|$`, 'm'));
      assert.match(stdout, new RegExp(`^\\| ${name} \\| ${way} (\\| [\\d.]+ ){4}\\|$`, 'm'));
    }
  }
  assert.match(stdout, /^\| one GetItem \| hand-written (\| [\d.]+ ){3}\| 1 \|$/m);
});
