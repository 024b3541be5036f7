/** Runs a suite of the conformance tests with the packaged functions instead of the code in this folder. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { LOADED } from './deployment.ts';
import { unpackedFunctions } from './packages.ts';
import { runtimeClient, whyNoRuntimeClient } from './runtime-client.ts';

const INSTEAD = path.join(import.meta.dirname, 'packages-instead.ts');

/** @param name of a file of test/system/conformance. */
export async function overPackages(name: string): Promise<void> {
  const reason = whyNoRuntimeClient();
  if (reason !== undefined) {
    it(`the conformance of ${name} over the packages`, { skip: reason });
    return;
  }
  runtimeClient();
  const folder = await unpackedFunctions();
  process.env['BERTH_PACKAGES'] = folder;
  // For the programs that the tests start.
  process.env['NODE_OPTIONS'] = `${process.env['NODE_OPTIONS'] ?? ''} --import=${INSTEAD}`;
  await import(`../../conformance/${name}.test.ts`);
  it('has run on the packages', () => {
    assert.ok(existsSync(path.join(folder, LOADED)));
  });
}
