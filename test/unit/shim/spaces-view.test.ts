/** The tables of spaces are those that docs/who-has-what.md shows. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { describeSpaces, describeUsage } from '../../../shim/commands/spaces.ts';
import { root } from '../../support/repository.ts';

const DOCUMENT = readFileSync(path.join(root, 'docs/who-has-what.md'), 'utf8');

const isShown = (command: string, output: string): boolean =>
  DOCUMENT.includes(['', `$ berth ${command}`, ...output.split('\n')].join('\n    '));

const AT = '2026-12-01T08:30:09.000Z';
const CI = { Pools4: 12, Held4: 1_734, Size4: 3_048, Pools6: 0, Held6: 0 };
const NOTHING = { Pools4: 0, Held4: 0, Size4: 0, Pools6: 0, Held6: 0 };

it('berth spaces', () => {
  const spaces = [
    { Space: 'ci', At: AT, ...CI },
    { Space: 'default', At: AT, Pools4: 3, Held4: 41, Size4: 762, Pools6: 1, Held6: 4 },
    { Space: 'team-a', At: null, ...NOTHING },
  ];
  const text = describeSpaces(spaces, Date.parse(AT) + 14 * 60_000);
  assert.ok(isShown('spaces', text), text);
  assert.match(describeSpaces([], 0), /^no space is known yet: /);
});

it('berth usage', () => {
  const before = { At: '2026-12-01T07:30:04.000Z', ...CI, Pools4: 9, Held4: 1_180, Size4: 2_286 };
  const text = describeUsage('ci', [before, { At: AT, ...CI }]);
  assert.ok(isShown('usage ci', text), text);
  assert.match(describeUsage('ci', []), /^nothing is known of space ci in this time: /);
});
