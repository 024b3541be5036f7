/** Python programs: installed once in a separate environment, until the requirements change. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Requirements of the template checkers. */
const CHECKERS = path.join(import.meta.dirname, 'requirements.txt');

/** Why no Python here can create a virtual environment. `undefined`: one can. */
export function whyNoPython(): string | undefined {
  const { status } = spawnSync('python3', ['-c', 'import venv, ensurepip'], { stdio: 'ignore' });
  return status === 0 ? undefined : 'python3 with venv is not installed here';
}

/**
 * @param requirements a file that pins what to install, with all dependencies.
 * @returns the folder of its programs. @throws Error when it cannot be made.
 */
export function pythonPrograms(requirements: string = CHECKERS): string {
  const version = execFileSync('python3', ['--version'], { encoding: 'utf8' });
  const key = createHash('sha256').update(readFileSync(requirements)).update(version).digest('hex').slice(0, 16);
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache');
  const folder = path.join(cache, 'berth', `python-${key}`);
  if (!existsSync(folder)) make(folder, requirements);
  return path.join(folder, 'bin');
}

/** Created under another name and then renamed, so that it is always complete; its programs are called by their python. */
function make(folder: string, requirements: string): void {
  const unfinished = `${folder}.${process.pid}`;
  rmSync(unfinished, { recursive: true, force: true });
  execFileSync('python3', ['-m', 'venv', unfinished], { stdio: ['ignore', 'ignore', 'inherit'] });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--requirement'];
  execFileSync(path.join(unfinished, 'bin/python'), [...pip, requirements], { stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    // Another process was first.
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}
