/** The program `berth` as one file that needs Node and nothing else. */
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Plugin, build } from 'esbuild';
import * as v from 'valibot';
import manifest from '../../package.json' with { type: 'json' };

export const root = path.join(import.meta.dirname, '../..');

/** Runs before all else in the file, so that an older Node fails with a clear message. */
const banner = (oldest: string): string => `
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
{
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = '${oldest}'.split('.').map(Number);
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    console.error('berth: Node ${oldest} or later is required, this is ' + process.versions.node);
    process.exit(1);
  }
}`;

/** Suppresses the warning of Node 22 at each start that SQLite is experimental: users can do nothing about it. */
const QUIET_SQLITE = `
const { emitWarning } = process;
process.emitWarning = () => undefined;
export const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
process.emitWarning = emitWarning;`;

/** A static import that an older Node lacks would fail before the banner runs, so this loads it after the banner. */
const quietSqlite: Plugin = {
  name: 'quiet-sqlite',
  setup(builder) {
    builder.onResolve({ filter: /^node:sqlite$/ }, (found) => ({ path: found.path, namespace: 'quiet-sqlite' }));
    builder.onLoad({ filter: /.*/, namespace: 'quiet-sqlite' }, () => ({ contents: QUIET_SQLITE }));
  },
};

/** Writes the program to an executable file. */
export async function bundleShim(file: string): Promise<void> {
  const oldest = manifest.engines.node.replace('>=', '');
  const { outputFiles, metafile, warnings } = await build({
    absWorkingDir: root,
    entryPoints: ['shim/main.ts'],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: `node${oldest}`,
    mainFields: ['module', 'main'],
    banner: { js: banner(oldest) },
    plugins: [quietSqlite],
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  if (warnings.length > 0) throw new Error('esbuild warned about the program');
  const code = outputFiles[0]?.text ?? '';
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, code + notices(Object.keys(metafile.inputs)));
  chmodSync(file, 0o755);
}

const PackageJson = v.object({ name: v.string(), version: v.string(), license: v.string() });

/** The licenses of the bundled packages, which must accompany their code. */
function notices(inputs: readonly string[]): string {
  const folders = inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []);
  const texts = [...new Set(folders)].sort().map((folder) => notice(path.join(root, folder)));
  return `\n/*\nThis file contains:\n\n${texts.join('\n\n').replaceAll('*/', '* /')}\n*/\n`;
}

function notice(folder: string): string {
  const text = readFileSync(path.join(folder, 'package.json'), 'utf8');
  const { name, version, license } = v.parse(PackageJson, JSON.parse(text));
  const files = readdirSync(folder).filter((entry) => /^(licen[sc]e|notice)/i.test(entry));
  const terms = files.map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
  return [`${name} ${version} (${license})`, ...terms].join('\n\n');
}
