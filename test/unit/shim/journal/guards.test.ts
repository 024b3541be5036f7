/** Each guard of the journal is needed: without it, a test fails. */
import { describe } from 'node:test';
import { eachIsMissed } from '../../../support/guards.ts';
import { guards } from './guards.ts';

const AT_ONCE = 2;

describe('a test fails without each guard of the journal', { concurrency: AT_ONCE }, () => {
  eachIsMissed(
    guards.map(({ test: [file, title], ...guard }) => ({
      ...guard,
      test: { file: `test/unit/shim/journal/${file}.test.ts`, title },
    })),
  );
});
