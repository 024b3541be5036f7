/** The counting itself, with a few hosts. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { printed } from './run.ts';

it('bench:fleet-cost meets its targets with a few hosts', () => {
  const stdout = printed('fleet-cost.ts', '--quick');
  assert.match(stdout, /\| heartbeat \| 1 \| 1 \| 0 \| 0 \|/);
  assert.match(stdout, /\nall targets are met\n$/);
});
