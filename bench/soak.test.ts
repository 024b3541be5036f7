/** The soak itself, in a small scope: nothing is left behind. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { it } from 'node:test';

it('bench:soak leaves nothing behind in a small scope', () => {
  const root = path.join(import.meta.dirname, '..');
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bench/soak.ts', '--quick'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /\nnothing was held twice, and nothing was left behind\n$/);
});
