/** Many requests to one function: how often it refuses, and what it must always refuse. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { anyJson, bytesOf, inBase64 } from './arbitraries.ts';
import type { Answer, Event } from './border.ts';
import { SAME } from './table.ts';

type Send = (event: Event) => Promise<Answer>;

/** Passes if some of the requests are refused, and some are carried out: both are tried. */
export async function tryAll<T>(
  inputs: fc.Arbitrary<T>,
  ask: (input: T) => Promise<Pick<Answer, 'refusal'>>,
  numRuns: number,
): Promise<void> {
  const seen = { refused: 0, done: 0 };
  await fc.assert(
    fc.asyncProperty(inputs, async (input) => {
      const { refusal } = await ask(input);
      if (refusal === undefined) seen.done++;
      else seen.refused++;
    }),
    { numRuns },
  );
  assert.ok(seen.refused > 0 && seen.done > 0, JSON.stringify(seen));
}

/** The same for messages that change nothing, whether they are refused or not. */
export const tryReading = (send: Send, bodies: fc.Arbitrary<string>, numRuns: number): Promise<void> =>
  tryAll(
    bodies,
    async (body) => {
      const answer = await send({ body });
      assert.deepEqual(answer.changes, SAME);
      return answer;
    },
    numRuns,
  );

/** Any bytes, and any JSON in this frame, are refused and change nothing. */
export const refusesAnything = (send: Send, numRuns: number, frame = (json: string) => `[${json}]`): Promise<void> =>
  fc.assert(
    fc.asyncProperty(bytesOf(200), anyJson, async (bytes, json) => {
      for (const event of [inBase64(bytes), { body: frame(json) }]) {
        const { refusal, changes } = await send(event);
        assert.deepEqual(changes, SAME);
        assert.notEqual(refusal, undefined);
      }
    }),
    { numRuns },
  );

/** @param most bytes that a request may have. @param field which is nested in itself. */
export async function refusesOversized(send: Send, most: number, field: string): Promise<void> {
  for (const body of ['[', '"', ' '].map((part) => part.repeat(most + 1))) {
    assert.equal((await send({ body })).refusal, `the request is larger than ${most} bytes`);
  }
  for (const body of [
    '['.repeat(30_000) + ']'.repeat(30_000),
    `${`{"${field}":`.repeat(5_000)}1${'}'.repeat(5_000)}`,
  ]) {
    assert.match((await send({ body })).refusal ?? '', /^the request is malformed: \w+: /);
  }
}
