/** Tools that have a package.json of their own, so that a host's `npm ci` stays small. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** `npm ci` in a folder, unless what is installed came from this very lockfile. Nothing of it may be imported before. */
export function installTools(folder: string): void {
  const lockfile = path.join(folder, 'package-lock.json');
  const installedFrom = path.join(folder, 'node_modules/.installed-from.json');
  if (existsSync(installedFrom) && readFileSync(installedFrom).equals(readFileSync(lockfile))) return;
  run('npm', ['ci', '--ignore-scripts'], folder);
  copyFileSync(lockfile, installedFrom);
}

/** Runs a program in sight of the user. @throws Error when it fails. */
export function run(command: string, args: readonly string[], cwd: string): void {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status ?? 'a signal'}`);
}
