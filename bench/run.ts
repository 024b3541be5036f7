/** Runs a program of this folder, for the tests of it. */
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import path from 'node:path';
import { limit } from '../test/support/deadlines.ts';

export const bench = (name: string, ...args: readonly string[]): SpawnSyncReturns<string> =>
  spawnSync(process.execPath, [path.join(import.meta.dirname, name), ...args], {
    cwd: path.join(import.meta.dirname, '..'),
    encoding: 'utf8',
    timeout: limit(240_000),
  });

/** @returns what it printed, once it has succeeded. */
export function printed(name: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = bench(name, ...args);
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}
