import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type World, digestBelow, digestText, pauseWithJitter } from '../../../../functions/ipam/world.ts';
import { testWorld } from '../../../support/world.ts';

/** A world of which only one answer matters. */
const worldWith = (part: Partial<World>): World => ({ ...testWorld(), ...part });

describe('digestText', () => {
  it('has exactly the requested length, in the digits of names', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 20 }), (text, length) => {
        assert.match(digestText(testWorld(), text, length), new RegExp(`^[0-9a-z]{${length}}$`));
      }),
    );
  });

  it('pads a small hash with zeros, and takes the low digits of a large one', () => {
    assert.equal(digestText(worldWith({ digest: () => 35n }), '', 4), '000z');
    assert.equal(digestText(worldWith({ digest: () => 36n ** 30n + 37n }), '', 4), '0011');
  });
});

describe('digestBelow', () => {
  it('is below its bound, and depends only on the text', () => {
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

  it('waits for at least half the time, and for less than all of it', async () => {
    assert.equal(await pauseFor('0000'), 50);
    assert.equal(await pauseFor('i000'), 75);
    const longest = await pauseFor('zzzz');
    assert.ok(99 < longest && longest < 100, String(longest));
  });
});

describe('the world of tests', () => {
  it('moves its clock on request, and when a caller pauses', async () => {
    const world = testWorld({ now: 1_000 });
    world.advance(5);
    await world.pause(2.5);
    assert.equal(world.now(), 1_008);
  });

  it('draws the same sequence for the same seed, with a different value each time', () => {
    const [one, same, other] = [testWorld({ seed: 7 }), testWorld({ seed: 7 }), testWorld({ seed: 8 })];
    const drawn = [one.random(40), one.random(40)];
    assert.deepEqual([same.random(40), same.random(40)], drawn);
    assert.equal(new Set([...drawn, other.random(40)]).size, 3);
    for (const text of drawn) assert.match(text, /^[0-9a-z]{40}$/);
  });
});
