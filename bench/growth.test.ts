/** The counting itself, in a small scope: its targets are met. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { it } from 'node:test';

it('bench:growth meets its targets in a small scope', () => {
  const root = path.join(import.meta.dirname, '..');
  const args = ['bench/growth.ts', '--quick'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /\nall targets are met\n$/);
});
