/** Each guard of an answer about several networks is needed: without it, a test fails. */
import { describe } from 'node:test';
import { eachIsMissed } from '../../../support/guards.ts';

const file = 'test/unit/functions/ipam/holdings.test.ts';
const AT_ONCE = 2;

describe('a test fails without each guard of an answer about several networks', { concurrency: AT_ONCE }, () => {
  eachIsMissed([
    {
      what: 'a network that cannot be read fails no others',
      edit: { within: 'beginningsOf', find: 'failures.push({ poolId, error });', replace: 'throw error;' },
      test: { file, title: 'end before the first network that cannot be read' },
    },
    {
      what: 'an answer ends before a network that cannot be read',
      edit: {
        within: 'beginningsOf',
        find: 'if (held === undefined || leases > MAX_LEASES) break;',
        replace: 'if (held === undefined) continue;\n    if (leases > MAX_LEASES) break;',
      },
      test: { file, title: 'end before the first network that cannot be read' },
    },
    {
      what: 'no others are read for nothing',
      edit: { within: 'beginningsOf', find: 'failures.length > 0 ||', replace: '' },
      test: { file, title: 'end before the first network that cannot be read' },
    },
    {
      what: 'an answer is given in time',
      edit: { within: 'beginningsOf', find: 'call.deadline - BEGINNINGS_MARGIN_MS', replace: 'call.deadline' },
      test: { file, title: 'end seconds before the deadline' },
    },
    {
      what: 'an answer is short enough for a shim',
      edit: { within: 'beginningsOf', find: '|| leases > MAX_LEASES', replace: '' },
      test: { file, title: 'end early when the answer is long' },
    },
  ]);
});
