/** Tests the check of address histories itself: with valid and invalid histories, and against an oracle. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Step, explain } from './register.ts';

/** `take a 1-3`; without an end (`1-`) the outcome is unknown. */
function step(text: string): Step {
  const [, kind, holder = '', begin = '', end = ''] = /^(take|drop|meet) (\w*) ?(\d+)-(\d*)$/.exec(text) ?? [];
  if (kind !== 'take' && kind !== 'drop' && kind !== 'meet') throw new Error(`not a step: ${text}`);
  return { kind, holder, begin: BigInt(begin), end: end === '' ? undefined : BigInt(end) };
}

const isExplained = (steps: readonly string[], last?: string): boolean => explain(steps.map(step), last) !== undefined;

describe('a history that can have happened', () => {
  const cases: readonly [what: string, steps: readonly string[], last?: string][] = [
    ['nothing', []],
    ['one host takes it and keeps it', ['take a 1-2'], 'a'],
    ['one host takes it and releases it', ['take a 1-2', 'drop a 3-4']],
    ['two hosts take it one after the other', ['take a 1-2', 'drop a 3-4', 'take b 5-6'], 'b'],
    ['the next host takes it while the first still releases it', ['take a 1-2', 'drop a 3-8', 'take b 4-7'], 'b'],
    ['two takes that overlap, with a release within both', ['take a 1-9', 'drop a 2-9', 'take b 3-9'], 'b'],
    ['found held while it was', ['take a 1-2', 'meet x 3-4', 'drop a 5-6']],
    ['found held by a host whose answer arrived later', ['take a 1-9', 'meet x 2-3'], 'a'],
    ['found held by the second of two hosts', ['take a 1-2', 'drop a 3-4', 'take b 5-9', 'meet x 6-7'], 'b'],
    ['a take with an unknown outcome that landed', ['take a 1-'], 'a'],
    ['a take with an unknown outcome that did not land', ['take a 1-', 'take b 3-4'], 'b'],
    [
      'a release with an unknown outcome that landed late',
      ['take a 1-2', 'drop a 3-', 'meet x 4-5', 'take b 6-7'],
      'b',
    ],
    ['a release with an unknown outcome that did not land', ['take a 1-2', 'drop a 3-'], 'a'],
  ];
  for (const [what, steps, last] of cases) {
    it(`is explained: ${what}`, () => {
      assert.equal(isExplained(steps, last), true);
    });
  }
});

describe('a history that cannot have happened', () => {
  const cases: readonly [what: string, steps: readonly string[], last?: string][] = [
    ['two hosts hold it', ['take a 1-2', 'take b 3-4'], 'b'],
    ['two hosts take it at once', ['take a 1-4', 'take b 2-3'], 'b'],
    ['two hosts take it at once, and both release it', ['take a 1-4', 'take b 2-3', 'drop a 5-6', 'drop b 7-8']],
    ['it is taken before it is released', ['take a 1-2', 'take b 3-4', 'drop a 5-6'], 'b'],
    ['it was released but is held in the end', ['take a 1-2', 'drop a 3-4'], 'a'],
    ['it is held but is free in the end', ['take a 1-2']],
    ['another host holds it in the end', ['take a 1-2'], 'b'],
    ['it is released twice', ['take a 1-2', 'drop a 3-4', 'drop a 5-6']],
    ['it is found held before any host took it', ['meet x 1-2', 'take a 3-4'], 'a'],
    ['it is found held after it was released', ['take a 1-2', 'drop a 3-4', 'meet x 5-6']],
    ['it is taken again although it was not released', ['take a 1-2', 'take b 3-4', 'drop b 5-6'], 'a'],
    ['it is found held before a take with an unknown outcome began', ['meet x 1-2', 'take a 3-'], 'a'],
  ];
  for (const [what, steps, last] of cases) {
    it(`is not explained: ${what}`, () => {
      assert.equal(isExplained(steps, last), false);
    });
  }
});

/** Every order, tried one by one. */
function isExplainedByHand(steps: readonly Step[], last: string | undefined, holder?: string): boolean {
  if (steps.every(({ end }) => end === undefined) && holder === last) return true;
  return steps.some((next) => {
    const rest = steps.filter((other) => other !== next);
    if (rest.some(({ end }) => end !== undefined && end < next.begin)) return false;
    if (next.kind === 'take') return holder === undefined && isExplainedByHand(rest, last, next.holder);
    if (next.kind === 'drop') return holder === next.holder && isExplainedByHand(rest, last, undefined);
    return holder !== undefined && isExplainedByHand(rest, last, holder);
  });
}

describe('any history', () => {
  const holder = fc.constantFrom('a', 'b', 'c');
  const anyStep: fc.Arbitrary<Step> = fc
    .record({
      kind: fc.constantFrom('take' as const, 'drop' as const, 'meet' as const),
      holder,
      begin: fc.bigInt({ min: 0n, max: 12n }),
      length: fc.option(fc.bigInt({ min: 0n, max: 6n }), { nil: undefined, freq: 5 }),
    })
    .map(({ kind, holder: who, begin, length }) => ({
      kind,
      holder: who,
      begin,
      end: length === undefined ? undefined : begin + length,
    }));

  it('gets the same verdict as by trying every order', () => {
    fc.assert(
      fc.property(
        fc.array(anyStep, { maxLength: 7 }),
        fc.option(holder, { nil: undefined }),
        (steps, last) => (explain(steps, last) !== undefined) === isExplainedByHand(steps, last),
      ),
      { numRuns: 3_000 },
    );
  });

  it('of a thousand steps gets its verdict at once', () => {
    const turns = Array.from({ length: 250 }, (_, i): Step[] => {
      const at = BigInt(i * 10);
      const who = String(i);
      return [
        { kind: 'take', holder: who, begin: at, end: at + 14n },
        { kind: 'meet', holder: '', begin: at + 2n, end: at + 30n },
        { kind: 'meet', holder: '', begin: at + 2n, end: at + 30n },
        { kind: 'drop', holder: who, begin: at + 5n, end: at + 14n },
      ];
    }).flat();
    assert.notEqual(explain(turns, undefined), undefined);
    assert.equal(explain(turns, '7'), undefined);
  });
});
