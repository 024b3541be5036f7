/** The counting itself, in a small scope: it runs, and its counts meet the targets. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';

const root = path.join(import.meta.dirname, '..');
const counts = (...args: string[]) =>
  spawnSync(process.execPath, ['bench/counts.ts', ...args], { cwd: root, encoding: 'utf8' });

describe('bench:counts', () => {
  it('meets its targets in a small scope, and compares the other ways', () => {
    const { status, stdout, stderr } = counts('--quick');
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /\| ReleaseAddress \| 3 \| 1 \| 1 \| 1 \| 1 \| 0 \|/);
    assert.match(stdout, /\| an item per address \|/);
    assert.match(stdout, /\nall targets are met\n$/);
  });

  it('refuses an invalid seed', () => {
    const { status, stderr } = counts('--seed', 'x');
    assert.equal(status, 1);
    assert.match(stderr, /must be a whole number/);
  });
});
