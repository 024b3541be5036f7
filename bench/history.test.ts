/** The counting itself, with two small fleets, and that docs/history.md has figures. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readFigures } from './document.ts';
import { printed } from './run.ts';

it('bench:history meets its target with small fleets', async () => {
  const stdout = printed('history.ts', '--quick');
  assert.match(stdout, /\nall targets are met\n$/);
  const small = /^\| 1 \| 1 \|.*$/m;
  assert.match(stdout, small);
  assert.match(await readFigures('history', 'docs/history.md'), small);
});
