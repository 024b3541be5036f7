/** A world that a test steers: its clock stands still on its own, its random numbers follow a seed, its hash is the real one. */
import { createHash } from 'node:crypto';
import type { World } from '../../functions/ipam/world.ts';

export interface TestWorld extends World {
  advance(milliseconds: number): void;
}

/** `pause()` advances the clock instead of waiting, so that a test of a timeout takes no time. */
export function testWorld(options: { now?: number; seed?: number } = {}): TestWorld {
  let now = options.now ?? Date.UTC(2026, 0, 1);
  let drawn = 0;
  const seed = options.seed ?? 1;
  const advance = (milliseconds: number): void => {
    now += milliseconds;
  };
  return {
    now: () => now,
    random: (length) => randomText(seed, drawn++, length),
    digest: (text) => sha256(text),
    pause: (milliseconds) => {
      // The clock has whole milliseconds, and a pause is never shorter than requested.
      advance(Math.ceil(milliseconds));
      // On a later turn of the event loop, so that other callers proceed in the meantime, as with a real pause.
      return new Promise((resolve) => setImmediate(resolve));
    },
    advance,
  };
}

const sha256 = (text: string): bigint => BigInt(`0x${createHash('sha256').update(text).digest('hex')}`);

/** Thirty-two characters per hash, so that each is nearly uniform. */
function randomText(seed: number, draw: number, length: number): string {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, block) =>
    (sha256(`random ${seed} ${draw} ${block}`) % 36n ** 32n).toString(36).padStart(32, '0'),
  );
  return blocks.join('').slice(0, length);
}
