/**
 * How long tests wait, in one place, so that a busy machine breaks none: every bound is given for a quiet machine,
 * and grows by how much slower this one is. A file measures that when it loads this module, and again when a wait is over.
 * A test asserts order and outcome; a bound is only there so that a hanging test fails.
 *
 * - `{ timeout: limit(60_000) }` for a `describe`, an `it`, or a child process;
 * - `await within(promise, 10_000, () => 'what did not happen')` for a promise;
 * - `await until(() => isThere(), 'it is there')` for a condition without an event, instead of a pause of fixed length;
 * - `scaled(4_000)` for a time limit that a real process is given (`--deadline`), if it must have time to work in;
 * - a virtual clock (test/unit/shim/steered-time.ts) instead of all these, where no real process takes part.
 *
 * Times that Berth promises (dockerd is answered within 20 s) are never scaled: tests of their own assert them, which
 * rely on no other load, with a virtual clock wherever possible.
 */
import { execFile, execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A process that starts and computes, which tests mostly wait for. */
const WORK = ['-e', 'let x = 0; for (let i = 0; i < 1e7; i++) x += i % 7;'];
/** ms that it takes on a quiet machine. */
const QUIET = 100;
/** How much longer than planned a whole test may run, since the load may change in the meantime. */
const MARGIN = 3;
/** ms between two checks of a condition. */
const PAUSE = 25;
/** ms for which a measurement is valid. */
const FRESH = 2_000;
/** The most that times of processes grow: they have a margin already, and more would only make tests wait. */
const MOST = 10;

let measured = { at: 0, factor: 1 };
/** The worst factor so far: a process that received its time then still takes it. */
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

/** How many times longer than on a quiet machine work took at the last measurement: at least 1. */
export const slowness = (): number => measured.factor;

/** Measures the slowness again, unless that was just done. */
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

/** @returns ms: the bound for the given time on a quiet machine, which only a hanging operation reaches. */
export const limit = (milliseconds: number): number => Math.ceil(milliseconds * slowness() * MARGIN);

/** @returns ms (or the given unit), longer by as much as this machine is slower than a quiet one, up to a limit. */
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
  // Once the promise is settled, the rejection no longer matters.
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    settled.abort();
  }
}

/**
 * Waits for a condition that has no event. Whether it still holds afterwards is not checked.
 *
 * @param holds called repeatedly; its errors are thrown.
 * @param what the condition, for the error.
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

/** Resolves after the given time on a quiet machine, rejects when the signal is aborted. Each end of a wait measures again. */
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
