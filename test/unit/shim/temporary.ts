import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';

/** A folder for one test, removed after it. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'berth-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A file in a folder of its own, removed after the test. */
export async function temporaryFile(t: TestContext, text: string): Promise<string> {
  const file = path.join(await temporaryFolder(t), 'file');
  await writeFile(file, text);
  return file;
}
