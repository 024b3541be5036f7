/** Each guard of the journal is there for a reason: without it, a test falls. */
import { describe } from 'node:test';
import { eachIsMissed } from '../../../support/guards.ts';
import { guards } from './guards.ts';

const AT_ONCE = 2;

describe('without a guard of the journal a test falls', { concurrency: AT_ONCE }, () => {
  eachIsMissed(
    guards.map(({ test: [file, title], ...guard }) => ({
      ...guard,
      test: { file: `test/unit/shim/journal/${file}.test.ts`, title },
    })),
  );
});
