/** AWS's own runtime client (npm aws-lambda-ric), built once on a machine and kept in its cache. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const MANIFESTS = path.join(import.meta.dirname, '../runtime-client');
const PROGRAM = 'node_modules/aws-lambda-ric/index.mjs';
/** Its HTTP client and its addon are C and C++. */
const BUILD_TOOLS = ['npm', 'cmake', 'make', 'g++', 'python3', 'xz', 'setpriv'];
/** ms. The build takes one minute on an idle machine. */
const BUILD_TIMEOUT = 15 * 60_000;

/** Why this machine cannot run it; undefined when it can. */
export function whyNoRuntimeClient(): string | undefined {
  if (process.platform !== 'linux') return `AWS's runtime client needs Linux, this is ${process.platform}`;
  if (existsSync(path.join(builtFolder(), PROGRAM))) return undefined;
  const missing = BUILD_TOOLS.filter((tool) => spawnSync('which', [tool]).status !== 0);
  if (missing.length === 0) return undefined;
  return `AWS's runtime client must be built, but these are not installed here: ${missing.join(', ')}`;
}

/** Its path. The first use on a machine builds it. @throws Error when that fails. */
export function runtimeClient(): string {
  const folder = builtFolder();
  if (!existsSync(folder)) build(folder);
  return path.join(folder, PROGRAM);
}

/** Each version has its own folder. */
function builtFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache');
  const version = createHash('sha256').update(readFileSync(path.join(MANIFESTS, 'package-lock.json')));
  return path.join(cache, 'berth', `runtime-client-${version.digest('hex').slice(0, 8)}`);
}

/** Builds next to the folder and then renames it, so that concurrent processes find all of it or nothing. */
function build(folder: string): void {
  mkdirSync(path.dirname(folder), { recursive: true });
  const making = mkdtempSync(`${folder}-`);
  try {
    cpSync(MANIFESTS, making, { recursive: true, filter: (file) => path.basename(file) !== 'node_modules' });
    install(making);
    renameSync(making, folder);
  } catch (error) {
    // Another process was faster.
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

function install(folder: string): void {
  const env = { ...process.env, ...ownHeaders() };
  const options = { cwd: folder, env, encoding: 'utf8', timeout: BUILD_TIMEOUT } as const;
  const { status, error, stdout, stderr } = spawnSync('npm', ['ci', '--foreground-scripts'], options);
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`AWS's runtime client cannot be built:\n${stdout}${stderr}`);
}

/** The headers of Node.js are next to it if it came from npm: then nothing needs to be downloaded. */
function ownHeaders(): Record<string, string> {
  const prefix = path.join(path.dirname(process.execPath), '..');
  return existsSync(path.join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {};
}
