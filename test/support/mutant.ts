/** A copy of the code with a guard taken out: what the tests must notice. */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** What is taken out. The text must stand in the file exactly once, or the control has lost sight of its guard. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  /** Holds the same folders as the repository. */
  readonly root: string;
  readonly remove: () => Promise<void>;
}

const repository = path.join(import.meta.dirname, '../..');
const COPIED = ['functions', 'infra', 'shim', 'test', 'package.json', 'tsconfig.json'];

/** @throws Error when an edit does not fit its file. */
export async function mutant(edits: readonly Edit[]): Promise<Mutant> {
  const root = await mkdtemp(path.join(tmpdir(), 'berth-mutant-'));
  const remove = (): Promise<void> => rm(root, { recursive: true, force: true });
  try {
    const filter = (source: string): boolean => path.basename(source) !== 'node_modules';
    for (const name of COPIED) {
      await cp(path.join(repository, name), path.join(root, name), { recursive: true, filter });
    }
    await symlink(path.join(repository, 'node_modules'), path.join(root, 'node_modules'));
    for (const edit of edits) await apply(root, edit);
    return { root, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function apply(root: string, { file, find, replace }: Edit): Promise<void> {
  const target = path.join(root, file);
  const text = await readFile(target, 'utf8');
  const found = text.split(find).length - 1;
  if (found !== 1) throw new Error(`${file} holds ${found} times, not once: ${find}`);
  await writeFile(
    target,
    text.replace(find, () => replace),
  );
}
