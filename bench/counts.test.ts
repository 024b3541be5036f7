/** The counting itself, in a small scope: it runs, and its counts meet the targets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bench, printed } from './run.ts';

describe('bench:counts', () => {
  it('meets its targets in a small scope, and compares the other ways', () => {
    const stdout = printed('counts.ts', '--quick');
    assert.match(stdout, /\| ReleaseAddress \| 3 \| 1 \| 1 \| 1 \| 1 \| 0 \|/);
    assert.match(stdout, /\| an item per address \|/);
    assert.match(stdout, /\nall targets are met\n$/);
  });

  it('refuses an invalid seed', () => {
    const { status, stderr } = bench('counts.ts', '--seed', 'x');
    assert.equal(status, 1);
    assert.match(stderr, /must be a whole number/);
  });
});
