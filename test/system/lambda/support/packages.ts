/** The zips as they are deployed, unpacked like on Lambda. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildFunctions, functionNames } from '../../../../infra/build.ts';
import { installDeployTools } from '../../../../infra/deploy/tools.ts';
import { unzipOnly } from '../../infra/unzip.ts';

/** Builds the current code. @returns a folder with one folder per function, which is deleted when the process ends. */
export async function unpackedFunctions(): Promise<string> {
  installDeployTools();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'berth-functions-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  const zips = path.join(folder, 'zips');
  await buildFunctions(zips);
  for (const name of functionNames) {
    const { bytes, name: file } = unzipOnly(readFileSync(path.join(zips, `${name}.zip`)));
    const target = path.join(folder, name, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  }
  rmSync(zips, { recursive: true });
  return folder;
}
