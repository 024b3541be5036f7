import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { zipOne } from './deploy/tools.ts';
import { ALL, WITH_DATES, leaveOut } from './left-out.ts';

const root = join(import.meta.dirname, '..');

export const functionNames = [
  'capabilities',
  'pools',
  'addresses',
  'hosts',
  'console',
  'viewer',
  'check',
  'sweep',
  'history',
] as const;
export type FunctionName = (typeof functionNames)[number];

/** The folder of the bundles and zips that serverless.yml names. */
export const outDir = join(root, 'dist/functions');

/** Bundles every function to DIR/NAME/index.js (with its map) and packs it as DIR/NAME.zip. */
export async function buildFunctions(dir: string = outDir): Promise<void> {
  for (const name of functionNames) {
    const { code } = await bundle(name, join(dir, name, 'index.js'));
    // serverless.yml names `functions/NAME.handler`, the path of the source. In Lambda a .js without package.json is CommonJS.
    await replace(join(dir, `${name}.zip`), zipOne(`functions/${name}.js`, code));
  }
}

/** Replaces a file atomically: a concurrent reader gets the old or the new one, complete. */
async function replace(file: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, bytes);
  await rename(fresh, file);
}

export interface Bundle {
  readonly code: Uint8Array;
  /** The modules that it contains. */
  readonly modules: readonly string[];
}

/** @param outfile its map is written next to it. */
export const bundle = (name: FunctionName, outfile: string): Promise<Bundle> =>
  bundleEntry(`functions/${name}.ts`, outfile);

/**
 * A program as one minified CommonJS file: each setting below was measured, together they halve the cold start.
 * CommonJS since an ES-module import of node:http costs 20 ms more on Node 22 and later.
 */
export async function bundleEntry(entry: string, outfile: string): Promise<Bundle> {
  const { outputFiles, metafile, warnings } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    minify: true,
    // The map helps to read stack traces; it is not deployed.
    sourcemap: 'external',
    // Prefer the SDK's ES modules, which can be tree-shaken.
    mainFields: ['module', 'main'],
    alias: { '@aws-sdk/credential-provider-node': join(root, 'infra/env-credentials.ts') },
    // Everything is in one file, where a dynamic import would only add a promise.
    supported: { 'dynamic-import': false },
    plugins: [leaveOut(entry === 'functions/history.ts' ? WITH_DATES : ALL)],
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  if (warnings.length > 0) throw new Error(`esbuild warned about ${entry}`);
  await mkdir(dirname(outfile), { recursive: true });
  await Promise.all(outputFiles.map(({ path, contents }) => writeFile(path, contents)));
  const code = outputFiles.find(({ path }) => path === outfile);
  if (!code) throw new Error(`esbuild did not write ${outfile}`);
  const modules = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
  return { code: code.contents, modules };
}
