/** The control: the suite finds the errors that it looks for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertClear, refusalIn } from './support/clear.ts';
import { answersIn, bodyOf } from './support/raw.ts';
import { SAME, difference } from './support/table.ts';

const STACK = new Error('x').stack ?? '';
const [, FRAME = ''] = STACK.split('\n');

const UNCLEAR: readonly [what: string, message: unknown][] = [
  ['a stack', STACK],
  ['one frame of a stack', FRAME.trim()],
  ['a frame without a function', `failed at ${import.meta.filename}:7:1`],
  ['a line end', 'one\ntwo'],
  ['a NUL', 'pool \0'],
  ['a terminal sequence', '\x1b[31mpool'],
  ['another line end', 'one\u2028two'],
  ['half a character', 'pool \ud83d'],
  ['a package', 'cannot load node_modules/valibot'],
  ['the name of an error', 'TypeError: x is not a function'],
  ['an exception of the table', 'ConditionalCheckFailedException'],
  ['an object', 'bad value [object Object]'],
  ['a message that is too long', 'x'.repeat(1_001)],
  ['nothing', ' '],
  ['no text', 7],
];

describe('a refusal is not clear', () => {
  for (const [what, message] of UNCLEAR) {
    it(`when it holds ${what}`, () => {
      assert.throws(() => {
        assertClear(message);
      }, assert.AssertionError);
    });
  }

  it('when it is an internal error, or has more fields than the reason', () => {
    for (const [status, body] of [
      [500, { Error: 'x' }],
      [400, { Error: 'x' }],
      [404, { Error: 'x' }],
      [200, { Error: 'x', PoolID: 'y' }],
    ] as const) {
      assert.throws(() => refusalIn(status, body), assert.AssertionError, JSON.stringify(body));
    }
  });

  it('and is clear otherwise', () => {
    assertClear('Address already in use: 10.0.0.5 is held by endpoint "wéb" of host a since 2026-01-01T00:00:00.000Z');
    assert.equal(refusalIn(404, { Err: 'no such method: /' }), 'no such method: /');
    assert.equal(refusalIn(200, { PoolID: 'x' }), undefined);
  });
});

describe('bytes on the socket', () => {
  it('are accepted only if they are complete answers', () => {
    const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}';
    const bad = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n';
    assert.deepEqual(answersIn(Buffer.from(ok + bad)), [
      { status: 200, text: '{}' },
      { status: 400, text: '' },
    ]);
    for (const text of [ok.slice(0, -1), `${bad}x`, '{}', STACK]) {
      assert.throws(() => answersIn(Buffer.from(text)), assert.AssertionError);
    }
    assert.throws(() => bodyOf({ status: 500, text: '' }), assert.AssertionError);
    assert.throws(() => bodyOf({ status: 400, text: STACK }), assert.AssertionError);
  });
});

describe('a table', () => {
  it('with any change is not equal', () => {
    const seen = new Set(['a', 'b']);
    assert.deepEqual(difference(seen, new Set(['b', 'a'])), SAME);
    for (const lines of [['a'], ['a', 'c'], ['a', 'b', 'c'], []]) {
      assert.notDeepEqual(difference(seen, new Set(lines)), SAME);
    }
  });
});
