/**
 * A copy of the code without a guard, which the tests must detect. A guard is found on the syntax tree, by the
 * function, method or constant that holds it and by its own text, so that neither a moved file nor a reformatted line hides it.
 */
import { globSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { root as repository } from './repository.ts';

export interface Edit {
  /** The function, the method (`Class.method`) or the constant that holds the guard. */
  readonly within: string;
  /** The text to remove. How it is broken into lines does not matter. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  /** Has the same folders as the repository. */
  readonly root: string;
  readonly remove: () => Promise<void>;
}

/** A part of a source file, by the positions of its characters. */
export interface Place {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

const COPIED = ['protocol', 'functions', 'infra', 'shim', 'test', 'package.json', 'tsconfig.json'];
/** The files with guards: the code, and the models' stand-in for the table. */
const SOURCES = ['protocol/*.ts', 'functions/**/*.ts', 'shim/**/*.ts', 'infra/**/*.ts', 'test/support/*.ts'];

/** @throws Error when an edit does not match the code exactly once: the control no longer finds its guard. */
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

async function apply(root: string, edit: Edit): Promise<void> {
  const { file, start, end } = locate(edit, root);
  const target = path.join(root, file);
  const text = await readFile(target, 'utf8');
  await writeFile(target, text.slice(0, start) + edit.replace + text.slice(end));
}

/** Escapes a text for a pattern that matches exactly this text. */
export const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** The place of the guard of an edit. @throws Error when it is not there exactly once. */
export function locate({ within, find }: Edit, root = repository): Place {
  const pattern = new RegExp(
    find
      .trim()
      .split(/\s+/)
      .map(escaped)
      .join(String.raw`\s+`),
    'g',
  );
  const places = globSync(SOURCES, { cwd: root, exclude: ['**/node_modules'] }).flatMap((file): Place[] => {
    const text = readFileSync(path.join(root, file), 'utf8');
    const found = [...text.matchAll(pattern)].map(({ index, 0: code }) => ({
      file,
      start: index,
      end: index + code.length,
    }));
    return found.filter((place) => holders(file, text, place).includes(within));
  });
  const [place] = places;
  if (place === undefined || places.length > 1) {
    throw new Error(`${within} has this text ${places.length} times, not once: ${find}`);
  }
  return place;
}

/** The names of the declarations that enclose a place, including its own. */
function holders(file: string, text: string, { start, end }: Place): string[] {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if (node.pos > start || node.end < end) return;
    names.push(...namesOf(node));
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true), visit);
  return names;
}

function namesOf(node: ts.Node): string[] {
  if (ts.isFunctionDeclaration(node)) return [node.name?.text ?? ''];
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.map(({ name }) => name.getText());
  if (ts.isClassElement(node) && ts.isClassDeclaration(node.parent)) {
    const member = ts.isConstructorDeclaration(node) ? 'constructor' : (node.name?.getText() ?? '');
    return [`${node.parent.name?.text ?? ''}.${member}`];
  }
  return [];
}
