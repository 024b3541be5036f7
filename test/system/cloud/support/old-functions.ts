/** Functions of a released version, as they were bundled then (test/fixtures/README.md). */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import * as v from 'valibot';
import { fixtureFolder } from '../../upgrade/fixture.ts';
import type { Checkout } from './checkout.ts';

const bundles = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.string()));

/** Puts them in the place of the checkout's own. */
export function checkOut(checkout: Checkout, release: string): void {
  const packed = readFileSync(path.join(fixtureFolder(release), 'functions.json.br'));
  for (const [name, code] of Object.entries(v.parse(bundles, brotliDecompressSync(packed).toString()))) {
    checkout.write(`functions/${name}-${release}.cjs`, code);
    checkout.write(`functions/${name}.ts`, `export { handler } from './${name}-${release}.cjs';\n`);
  }
}
