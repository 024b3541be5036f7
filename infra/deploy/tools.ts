import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as v from 'valibot';

// The deploy tools have a package.json of their own, so nothing of them may be imported before installTools() has run.
const here = import.meta.dirname;
const root = join(here, '../..');
const requireTool = createRequire(join(here, 'package.json'));

/** `npm ci` in this folder, unless what is installed came from this very lockfile. */
export function installTools(): void {
  const lockfile = join(here, 'package-lock.json');
  const installedFrom = join(here, 'node_modules/.installed-from.json');
  if (existsSync(installedFrom) && readFileSync(installedFrom).equals(readFileSync(lockfile))) return;
  run('npm', ['ci', '--ignore-scripts'], here);
  copyFileSync(lockfile, installedFrom);
}

export function osls(args: readonly string[]): void {
  run(process.execPath, [requireTool.resolve('osls/bin/serverless.js'), ...args], root);
}

type ZipFiles = Record<string, readonly [Uint8Array, { mtime: Date; level: 9; os: number; attrs: number }]>;
const Fflate = v.object({
  zipSync: v.custom<(files: ZipFiles) => Uint8Array>((member) => typeof member === 'function'),
});

const UNIX = 3;
const READABLE_FILE = 0o100644 << 16;

/**
 * A zip of one file that depends on nothing but the name and the bytes: fixed time (fflate writes local time, so the
 * constant is local too), fixed owner and mode, and a deflate in JavaScript, since zlib's output differs by machine.
 */
export function zipOne(name: string, bytes: Uint8Array): Uint8Array {
  const { zipSync } = v.parse(Fflate, requireTool('fflate'));
  const mtime = new Date(1980, 0, 1);
  return zipSync({ [name]: [bytes, { mtime, level: 9, os: UNIX, attrs: READABLE_FILE }] });
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status ?? 'a signal'}`);
}
