/** Tools that have a package.json of their own, so that a host's `npm ci` stays small. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * `npm ci` in a folder, unless what is installed came from this very lockfile. Of several programs that need it at once, one
 * installs and the others wait. Nothing of it may be imported before.
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

/** ms: who holds the lock for so long was killed. */
const STALE = 600_000;
const POLL = 200;

/** Without asynchrony, as `npm ci` is run: whoever needs the tools has nothing else to do. */
function takeLock(lock: string): void {
  for (;;) {
    try {
      mkdirSync(lock);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > STALE) rmdirSync(lock);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL);
  }
}

/** Runs a program in sight of the user. @param env variables beside those of this process. @throws Error when it fails. */
export function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): void {
  const { status, error } = spawnSync(command, args, { cwd, env: { ...process.env, ...env }, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status ?? 'a signal'}`);
}
