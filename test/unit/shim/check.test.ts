/** What a sweep clears by itself is no damage, unless an earlier report shows that it does not. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Report, sinceEarlier } from '../../../shim/commands/check.ts';

const HOUR_MS = 3_600_000;

const reportAt = (ms: number, ...ids: readonly string[]): Report => ({
  at: new Date(Date.UTC(2026, 0, 1) + ms).toISOString(),
  items: 1,
  findings: ids.map((id) => ({ damage: 'orphaned lease', where: 'here', what: 'it is', isLeftover: true, id })),
});
const leftovers = ({ findings }: Report): boolean[] => findings.map(({ isLeftover }) => isLeftover);

it('what an earlier report lists too is damage once hours have passed', () => {
  const before = reportAt(0, 'a');
  assert.deepEqual(leftovers(sinceEarlier(reportAt(3 * HOUR_MS, 'a', 'b'), before)), [false, true]);
  assert.deepEqual(leftovers(sinceEarlier(reportAt(3 * HOUR_MS - 1, 'a', 'b'), before)), [true, true]);
  assert.deepEqual(leftovers(sinceEarlier(reportAt(3 * HOUR_MS, 'a', 'b'), undefined)), [true, true]);
});
