/** The rules of history that need no table: spans of time, and what counts as lost. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Step, spansAt, spansOf } from '../../../functions/ipam/history/timeline.ts';

const check = (value: string | undefined): string => value ?? '';
const step = (second: number, sequence: bigint, was: string, now: string | undefined): Step<string | undefined> => ({
  second,
  sequence,
  was,
  now,
});
const at = (base: string | undefined, steps: readonly Step<string | undefined>[], second: number) =>
  spansAt(spansOf(base, steps, check), second).map(({ value, isKnown }) => (isKnown ? value : 'not known'));

describe('the states of an address over time', () => {
  const steps = [step(10, 1n, '', 'a'), step(20, 2n, 'a', 'b'), step(20, 3n, 'b', undefined)];

  it('are both given in the second of a change', () => {
    assert.deepEqual(at(undefined, steps, 9), [undefined]);
    assert.deepEqual(at(undefined, steps, 10), [undefined, 'a']);
    assert.deepEqual(at(undefined, steps, 15), ['a']);
    assert.deepEqual(at(undefined, steps, 20), ['a', 'b', undefined]);
    assert.deepEqual(at(undefined, steps, 21), [undefined]);
  });

  it('do not depend on the order in which changes were written down, nor on repeats', () => {
    const mixed = [...steps.toReversed(), ...steps];
    for (const second of [9, 10, 15, 20, 21]) assert.deepEqual(at('', mixed, second), at('', steps, second));
  });

  it('are not known where a change is missing, and known before and after', () => {
    const holed = steps.filter(({ sequence }) => sequence !== 2n);
    assert.deepEqual(at(undefined, holed, 9), [undefined]);
    assert.deepEqual(at(undefined, holed, 15), ['not known']);
    assert.deepEqual(at(undefined, holed, 21), [undefined]);
  });

  it('keep the order of the changes where a clock goes back', () => {
    const back = [step(10, 1n, '', 'a'), step(8, 2n, 'a', 'b')];
    assert.deepEqual(at(undefined, back, 9), [undefined]);
    assert.deepEqual(at(undefined, back, 10), [undefined, 'a', 'b']);
    assert.deepEqual(at(undefined, back, 11), ['b']);
  });
});
