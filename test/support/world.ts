/** A world that a test steers: its clock stands still until told, its chance follows a seed, its hash is the real one. */
import { createHash } from 'node:crypto';
import type { World } from '../../functions/ipam/world.ts';

export interface TestWorld extends World {
  advance(milliseconds: number): void;
}

/** `pause()` moves the clock on instead of waiting, so that a test of a time-out takes no time. */
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
      // A clock of whole milliseconds, and a pause is never shorter than asked for.
      advance(Math.ceil(milliseconds));
      // On a later turn of the event loop, so that others go ahead meanwhile, as with a real pause.
      return new Promise((resolve) => setImmediate(resolve));
    },
    advance,
  };
}

const sha256 = (text: string): bigint => BigInt(`0x${createHash('sha256').update(text).digest('hex')}`);

/** Thirty-two characters per hash, so that each is as good as uniform. */
function randomText(seed: number, draw: number, length: number): string {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, block) =>
    (sha256(`random ${seed} ${draw} ${block}`) % 36n ** 32n).toString(36).padStart(32, '0'),
  );
  return blocks.join('').slice(0, length);
}
