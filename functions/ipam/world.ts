/**
 * What the rules need from outside apart from the store: time, randomness and a hash. They come through this port, so
 * that a test can replay any run.
 */
export interface World {
  /** Milliseconds since the epoch, by this function's clock. Compared only with other functions' clocks, with slack. */
  now(): number;
  /** `length` characters of `0-9a-z`, each uniformly random and unguessable. */
  random(length: number): string;
  /** A well mixed, stable hash of a text, as an unsigned integer of at least 128 bits. */
  digest(text: string): bigint;
  /** Waits. */
  pause(milliseconds: number): Promise<void>;
}

/** A stable hash as `length` characters of `0-9a-z`. */
export function digestText(world: World, text: string, length: number): string {
  return (world.digest(text) % 36n ** BigInt(length)).toString(36).padStart(length, '0');
}

/** A time (ms since the epoch) for people to read. */
export const isoTime = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** A number in `[0, bound)` that depends only on the text. */
export function digestBelow(world: World, text: string, bound: bigint): bigint {
  return world.digest(text) % bound;
}

/** Waits between half and the whole of `milliseconds`, so that callers that collided once do not collide again. */
export async function pauseWithJitter(world: World, milliseconds: number): Promise<void> {
  const fraction = parseInt(world.random(4), 36) / 36 ** 4;
  await world.pause(milliseconds * (0.5 + fraction / 2));
}
