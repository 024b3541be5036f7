/** What every refusal must satisfy. */
import assert from 'node:assert/strict';

/** About a terminal full of lines; Docker shows all of it. */
const MAX_LENGTH = 1_000;

const FORBIDDEN: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a control, a line end, or half a character', /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u],
  ['a frame of a stack', /\bat (async )?[\w.<>]+ \(|\.[cm]?[jt]s:\d+/],
  ['a place in our code', /node_modules|file:\/\/|node:internal|\/functions\/|\/shim\//],
  ['the name of an error', /\b(Type|Syntax|Range|Reference|Valibot|Val)Error\b|Exception\b/],
  ['an object that was not formatted', /\[object /],
];

/** Asserts that a message is one clear line: bounded, printable, and only about the request. */
export function assertClear(message: unknown): void {
  assert.ok(typeof message === 'string', `no text: ${JSON.stringify(message)}`);
  const shown = JSON.stringify(message.slice(0, 2 * MAX_LENGTH));
  assert.ok(message.trim() !== '', 'an empty message');
  assert.ok(message.length <= MAX_LENGTH, `${message.length} characters: ${shown}`);
  for (const [what, pattern] of FORBIDDEN) assert.doesNotMatch(message, pattern, `holds ${what}: ${shown}`);
}

/** The message of a refusal. `undefined`: not a refusal. @throws AssertionError unless a refusal has only the reason. */
export function refusalIn(status: number, body: Readonly<Record<string, unknown>>): string | undefined {
  const field = status === 404 ? 'Err' : 'Error';
  if (status === 200 && !(field in body)) return undefined;
  assert.ok(status === 200 || status === 404, `HTTP ${status}: ${JSON.stringify(body)}`);
  assert.deepEqual(Object.keys(body), [field]);
  assertClear(body[field]);
  return String(body[field]);
}
