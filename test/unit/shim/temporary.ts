import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';

/** A folder with these files for one test, removed after it. */
export async function temporaryFolder(
  t: TestContext,
  files: Readonly<Record<string, string | Buffer>> = {},
): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'berth-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, contents] of Object.entries(files)) await writeFile(path.join(folder, name), contents);
  return folder;
}

/** A file in a folder of its own, removed after the test. */
export async function temporaryFile(t: TestContext, text: string): Promise<string> {
  return path.join(await temporaryFolder(t, { file: text }), 'file');
}
