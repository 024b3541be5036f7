/**
 * How long tests wait, from one place, so that no busy machine breaks one: every bound is given as it is on a quiet machine,
 * and grows by how much slower this one is. A file measures that when it loads this module, and again when a wait is over.
 * What a test asserts is order and outcome; a bound is only there so that what hangs fails.
 *
 * - `{ timeout: limit(60_000) }` for a `describe`, an `it`, or a child process;
 * - `await within(promise, 10_000, () => 'what did not happen')` for a promise;
 * - `await until(() => isThere(), 'it is there')` for what comes true without telling, instead of a pause of fixed length;
 * - `scaled(4_000)` for a time that a real process is told (`--deadline`), where it must have time to work in;
 * - a virtual clock (test/unit/shim/steered-time.ts), and none of these, where no real process takes part.
 *
 * Times that Berth promises (dockerd is answered within 20 s) are never scaled: they are asserted in tests of their own that
 * count on no other load, with a virtual clock wherever that can be.
 */
import { execFile, execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A process that starts and computes: what tests mostly wait for. */
const WORK = ['-e', 'let x = 0; for (let i = 0; i < 1e7; i++) x += i % 7;'];
/** ms that it takes on a quiet machine. */
const QUIET = 100;
/** How much longer than it should take a whole test may run, since the load may change under it. */
const MARGIN = 3;
/** ms between two looks at what is to come true. */
const PAUSE = 25;
/** ms for which a measurement counts. */
const FRESH = 2_000;
/** What a process is told has room on a quiet machine already; more than this would only make tests wait. */
const MOST = 10;

let measured = { at: 0, factor: 1 };
/** The worst factor so far: what was told a time then still takes it. */
let worst = 1;
let measuring: Promise<number> | undefined;

function note(began: number): number {
  const at = performance.now();
  measured = { at, factor: Math.max(1, (at - began) / QUIET) };
  worst = Math.max(worst, measured.factor);
  return measured.factor;
}

const began = performance.now();
execFileSync(process.execPath, WORK);
note(began);

/** How many times longer than on a quiet machine work took when that was last measured: 1 at least. */
export const slowness = (): number => measured.factor;

/** Measures it anew, unless that was just done. */
export async function measureSlowness(): Promise<number> {
  if (performance.now() - measured.at < FRESH) return measured.factor;
  const start = performance.now();
  measuring ??= promisify(execFile)(process.execPath, WORK)
    .then(() => note(start))
    .finally(() => {
      measuring = undefined;
    });
  return measuring;
}

/** @returns ms, of a bound that is that long on a quiet machine, and that nothing reaches which does not hang. */
export const limit = (milliseconds: number): number => Math.ceil(milliseconds * slowness() * MARGIN);

/** @returns ms (or whatever it is given), as much more as this machine is slower than a quiet one, within reason. */
export const scaled = (time: number): number => Math.ceil(time * Math.min(MOST, slowness()));

/**
 * The promise's value.
 *
 * @param milliseconds that it may take on a quiet machine.
 * @throws Error with the message, when it takes longer than that on this one.
 */
export async function within<T>(promise: Promise<T>, milliseconds: number, message: () => string): Promise<T> {
  const settled = new AbortController();
  const late = patience(milliseconds, settled.signal).then(() => {
    throw new Error(`${message()} (within ${milliseconds} ms, ${slowness().toFixed(1)} times that on this machine)`);
  });
  // Once it is settled nobody asks any more.
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    settled.abort();
  }
}

/**
 * Waits for what comes true without telling. Whether it still holds afterwards, nobody asks.
 *
 * @param holds asked again and again; what it throws is thrown.
 * @param what did not come true, for the error.
 * @param milliseconds that it may take on a quiet machine.
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string | (() => string),
  { milliseconds = 10_000, pause = PAUSE } = {},
): Promise<void> {
  const over = new AbortController();
  const time = { isOver: false };
  const late = patience(milliseconds, over.signal).then(
    () => (time.isOver = true),
    () => undefined,
  );
  try {
    while (!(await holds())) {
      if (time.isOver) throw new Error(`never came true: ${typeof what === 'string' ? what : what()}`);
      await delay(pause);
    }
  } finally {
    over.abort();
    await late;
  }
}

/** Resolves after so long on a quiet machine, rejects when the signal is given. A wait that is over is measured anew. */
async function patience(milliseconds: number, signal: AbortSignal): Promise<void> {
  const start = performance.now();
  for (;;) {
    const left = milliseconds * worst - (performance.now() - start);
    if (left > 0) {
      await delay(left, undefined, { signal });
    } else {
      await measureSlowness();
      if (milliseconds * worst <= performance.now() - start) return;
    }
  }
}
