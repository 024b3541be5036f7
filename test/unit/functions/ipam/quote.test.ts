import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { clip, quote } from '../../../../functions/ipam/quote.ts';

const ESCAPED: readonly [what: string, text: string, clipped: string][] = [
  ['a line end', 'a\r\nb', String.raw`a\u{d}\u{a}b`],
  ['a NUL and a DEL', '\0\x7f', String.raw`\u{0}\u{7f}`],
  ['a terminal escape in one character', '\x9b31m', String.raw`\u{9b}31m`],
  ["Unicode's own line ends", '\u2028\u2029', String.raw`\u{2028}\u{2029}`],
  ['a mark that changes the direction of text', '\u202eabc', String.raw`\u{202e}abc`],
  ['half a surrogate pair', '\ud83d', String.raw`\u{d83d}`],
];

describe('quoted text of a caller', () => {
  it('is unchanged when it is harmless', () => {
    for (const text of ['', '10.0.0.0/24', 'Zürich 東京 🚢', 'x'.repeat(80)]) {
      assert.equal(clip(text), text);
      assert.equal(quote(text), `"${text}"`);
    }
  });

  for (const [what, text, clipped] of ESCAPED) {
    it(`has ${what} written out`, () => {
      assert.equal(clip(text), clipped);
    });
  }

  it('has quotes that show where it begins and ends', () => {
    assert.equal(quote('a"b\\ \n\u202e'), String.raw`"a\"b\\ \n\u{202e}"`);
  });

  it('is shortened visibly', () => {
    assert.equal(clip('x'.repeat(81)), `${'x'.repeat(80)}…`);
    assert.equal(clip('12345', 4), '1234…');
    assert.equal(quote('x'.repeat(81)), `"${'x'.repeat(80)}…"`);
    assert.equal(clip('x🚢', 2), 'x…');
    assert.equal(clip('\0'.repeat(80)), `${String.raw`\u{0}`.repeat(16)}…`);
    assert.equal(quote('\0'.repeat(80)), String.raw`"${String.raw`\u0000`.repeat(13)}\u…"`);
  });

  it('never holds a control character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const told of [clip(text), quote(text)]) assert.doesNotMatch(told, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
