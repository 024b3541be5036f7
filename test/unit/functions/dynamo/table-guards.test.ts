/** Each guard of the bound on requests is needed: without it, a test fails. */
import { describe } from 'node:test';
import { eachIsMissed } from '../../../support/guards.ts';

const file = 'test/unit/functions/dynamo/table.test.ts';
const AT_ONCE = 2;
const nested = { file, title: 'are under way side by side' };

describe('a test fails without each guard of the bound on requests', { concurrency: AT_ONCE }, () => {
  eachIsMissed([
    {
      what: 'reads are bounded',
      edit: { within: 'Table.#read', find: '() => this.#inTurn(send)', replace: 'send' },
      test: nested,
    },
    {
      what: 'writes are bounded',
      edit: { within: 'Table.#write', find: 'this.#inTurn(send)', replace: 'send()' },
      test: nested,
    },
    {
      what: 'a turn begins only when another one ends',
      edit: {
        within: 'inTurn',
        find: 'if (begin === undefined) free++;',
        replace: 'free++;\n if (begin === undefined) return;',
      },
      test: nested,
    },
    {
      what: 'an operation that fails ends its turn',
      edit: {
        within: 'inTurn',
        find: 'await operation();',
        replace: 'await operation().catch((error) => { waiting.unshift(() => undefined); throw error; });',
      },
      test: { file, title: 'that fail make room for others' },
    },
    {
      what: 'a pause is not part of a turn',
      edit: {
        within: 'Table.#read',
        find: 'withRetries(this.#retries, () => this.#inTurn(send))',
        replace: 'this.#inTurn(() => withRetries(this.#retries, send))',
      },
      test: { file, title: 'make room for others while' },
    },
  ]);
});
