/** The ledger that the fleet's tests rely on: it must detect the errors that they look for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ledger } from './support/ledger.ts';

function ledger(): { ledger: Ledger; at: (time: number) => Ledger } {
  let now = 0;
  const made = new Ledger(() => now);
  return { ledger: made, at: (time) => ((now = time), made) };
}

describe('the ledger of who had which address', () => {
  it('finds an address that two containers hold', () => {
    const { at } = ledger();
    at(1).moveIn('a', 'one', '10.0.0.2');
    at(2).moveIn('b', 'two', '10.0.0.2');
    assert.deepEqual(at(3).heldTwice(), ['10.0.0.2: one on a and two on b']);
  });

  it('finds a double address also after the first container has released it', () => {
    const { at } = ledger();
    at(1).moveIn('a', 'one', '10.0.0.2');
    at(2).moveIn('b', 'two', '10.0.0.2');
    at(3).moveOut('a', 'one');
    assert.deepEqual(at(4).heldTwice(), ['10.0.0.2: one on a and two on b']);
  });

  it('finds a double address behind a shorter tenancy', () => {
    const { at } = ledger();
    at(1).moveIn('a', 'one', '10.0.0.2');
    at(2).moveIn('b', 'two', '10.0.0.2');
    at(3).moveOut('b', 'two');
    at(4).moveIn('b', 'three', '10.0.0.2');
    assert.deepEqual(at(5).heldTwice(), ['10.0.0.2: one on a and two on b', '10.0.0.2: one on a and three on b']);
  });

  it('accepts tenancies one after another, and treats the same name on two hosts as two containers', () => {
    const { at } = ledger();
    at(1).moveIn('a', 'one', '10.0.0.2');
    at(1).moveIn('b', 'one', '10.0.0.3');
    at(2).moveOut('a', 'one');
    at(2).moveIn('c', 'one', '10.0.0.2');
    at(3).allOut('c');
    at(3).moveIn('a', 'two', '10.0.0.2');
    assert.deepEqual(at(4).heldTwice(), []);
    at(5).moveIn('a', 'three', '10.0.0.3');
    assert.equal(at(6).heldTwice().length, 1);
  });
});
