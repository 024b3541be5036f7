import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type World, digestBelow, digestText, pauseWithJitter } from '../../../../functions/ipam/world.ts';
import { testWorld } from '../../../support/world.ts';

/** A world of which a single answer is of interest. */
const worldWith = (part: Partial<World>): World => ({ ...testWorld(), ...part });

describe('digestText', () => {
  it('has exactly the length asked for, in the digits of names', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 20 }), (text, length) => {
        assert.match(digestText(testWorld(), text, length), new RegExp(`^[0-9a-z]{${length}}$`));
      }),
    );
  });

  it('fills up a small hash with zeros, and takes the low digits of a large one', () => {
    assert.equal(digestText(worldWith({ digest: () => 35n }), '', 4), '000z');
    assert.equal(digestText(worldWith({ digest: () => 36n ** 30n + 37n }), '', 4), '0011');
  });
});

describe('digestBelow', () => {
  it('is below its bound, and depends on nothing but the text', () => {
    fc.assert(
      fc.property(fc.string(), fc.bigInt(1n, 2n ** 70n), (text, bound) => {
        const number = digestBelow(testWorld(), text, bound);
        assert.ok(0n <= number && number < bound);
        assert.equal(digestBelow(testWorld({ now: 0, seed: 9 }), text, bound), number);
      }),
    );
  });

  it('spreads names that are alike', () => {
    const numbers = Array.from({ length: 64 }, (_, i) => digestBelow(testWorld(), `name h${i} web`, 2n ** 32n));
    assert.equal(new Set(numbers).size, 64);
  });
});

describe('pauseWithJitter', () => {
  const pauseFor = async (random: string): Promise<number> => {
    let paused = NaN;
    const pause = (milliseconds: number): Promise<void> => {
      paused = milliseconds;
      return Promise.resolve();
    };
    await pauseWithJitter(worldWith({ random: () => random, pause }), 100);
    return paused;
  };

  it('waits for half the time at least, and for less than the whole', async () => {
    assert.equal(await pauseFor('0000'), 50);
    assert.equal(await pauseFor('i000'), 75);
    const longest = await pauseFor('zzzz');
    assert.ok(99 < longest && longest < 100, String(longest));
  });
});

describe('the world of tests', () => {
  it('moves its clock when told, and when somebody pauses', async () => {
    const world = testWorld({ now: 1_000 });
    world.advance(5);
    await world.pause(2.5);
    assert.equal(world.now(), 1_008);
  });

  it('draws the same for the same seed, and something else each time', () => {
    const [one, same, other] = [testWorld({ seed: 7 }), testWorld({ seed: 7 }), testWorld({ seed: 8 })];
    const drawn = [one.random(40), one.random(40)];
    assert.deepEqual([same.random(40), same.random(40)], drawn);
    assert.equal(new Set([...drawn, other.random(40)]).size, 3);
    for (const text of drawn) assert.match(text, /^[0-9a-z]{40}$/);
  });
});
