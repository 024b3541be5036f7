/** Tools that have their own package.json, so that a host's `npm ci` stays small. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Runs `npm ci` in a folder, unless what is installed there came from this exact lockfile. If several programs need it at
 * once, one installs and the others wait. Import nothing from the folder before this has returned.
 */
export function installTools(folder: string): void {
  if (isInstalled(folder)) return;
  const lock = path.join(folder, '.installing');
  takeLock(lock);
  try {
    if (isInstalled(folder)) return;
    run('npm', ['ci', '--ignore-scripts'], folder);
    copyFileSync(lockfileOf(folder), markOf(folder));
  } finally {
    rmdirSync(lock);
  }
}

const lockfileOf = (folder: string): string => path.join(folder, 'package-lock.json');
const markOf = (folder: string): string => path.join(folder, 'node_modules/.installed-from.json');

const isInstalled = (folder: string): boolean =>
  existsSync(markOf(folder)) && readFileSync(markOf(folder)).equals(readFileSync(lockfileOf(folder)));

/** ms: a process that holds the lock for so long was killed. */
const STALE_LOCK_MS = 600_000;
const LOCK_PAUSE_MS = 200;

/** Synchronous, as is the run of `npm ci`: a program that needs the tools has nothing else to do. */
function takeLock(lock: string): void {
  for (;;) {
    try {
      mkdirSync(lock);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > STALE_LOCK_MS) rmdirSync(lock);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_PAUSE_MS);
  }
}

/** Runs a program with its output shown. @param env added to the variables of this process. @throws Error when it fails. */
export function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): void {
  const { status, error } = spawnSync(command, args, { cwd, env: { ...process.env, ...env }, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${status === null ? 'a signal' : `exit code ${status}`}`);
}
