/** All code that a model runs. A control loads it from a copy in which a guard is missing. */
import { pathToFileURL } from 'node:url';
import path from 'node:path';
import { type Edit, mutant } from '../support/mutant.ts';
import * as own from './rules-under-test.ts';

export type Rules = typeof own;

/** The rules with all guards. */
export const rules: Rules = own;

/** Runs an operation with guards taken out of the rules. */
export async function withoutGuards<T>(edits: readonly Edit[], run: (rules: Rules) => Promise<T>): Promise<T> {
  const copy = await mutant(edits);
  try {
    const file = path.join(copy.root, 'test/models/rules-under-test.ts');
    const loaded: unknown = await import(pathToFileURL(file).href);
    if (!isRules(loaded)) throw new Error('the copy lacks a rule');
    return await run(loaded);
  } finally {
    await copy.remove();
  }
}

const isRules = (loaded: unknown): loaded is Rules =>
  typeof loaded === 'object' && loaded !== null && Object.keys(own).every((name) => name in loaded);
