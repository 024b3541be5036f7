import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';

/** A folder for the tests of a file, removed after them. */
export function scratchFolder(name: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), `berth-${name}-`));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
