/** The counting itself, with a few hosts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { it } from 'node:test';

it('bench:fleet-cost meets its targets with a few hosts', () => {
  const root = path.join(import.meta.dirname, '..');
  const args = ['bench/fleet-cost.ts', '--quick'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /\| heartbeat \| 1 \| 1 \| 0 \| 0 \|/);
  assert.match(stdout, /\nall targets are met\n$/);
});
