/** The real world: this machine's clock, its random numbers and SHA-256. */
import { createHash, randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { World } from '../ipam/world.ts';

export const realWorld: World = {
  now: () => Date.now(),
  random: (length) => Array.from({ length }, () => randomInt(36).toString(36)).join(''),
  digest: (text) => BigInt(`0x${createHash('sha256').update(text).digest('hex')}`),
  pause: (milliseconds) => delay(milliseconds),
};
