/**
 * What a caller sent, inside a message of ours. A message is one line of bounded length without control characters, so
 * that no caller can write to a terminal or a log through what Berth refuses.
 */

const QUOTED_LENGTH = 80;

/** A value, in quotes. */
export const quote = (text: string): string => `"${clip(JSON.stringify(text).slice(1, -1))}"`;

/** A text that may contain what a caller sent, with unprintable characters escaped and cut to `length` characters. */
export function clip(text: string, length = QUOTED_LENGTH): string {
  let shown = '';
  for (const character of text) {
    const next = character.replace(UNPRINTABLE, escapeSequence);
    if (shown.length + next.length > length) return `${shown}…`;
    shown += next;
  }
  return shown;
}

/** The most items that a message names. */
export const MAX_NAMED_ITEMS = 3;

/** The first of some names, and whether there are more. */
export const listed = (names: readonly string[]): string =>
  names.slice(0, MAX_NAMED_ITEMS).join(', ') + (names.length > MAX_NAMED_ITEMS ? ' and more' : '');

/** Controls, line ends of every kind, halves of surrogate pairs, and marks that turn the direction of a text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const escapeSequence = (mark: string): string => `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`;
