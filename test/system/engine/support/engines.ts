/** The Docker engines that the tests run, and whether this machine can run them at all. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { output } from './command.ts';

export type EngineVersion = '29' | '28' | '20.10';
/** Everything that a test of one host needs. */
export const VERSIONS: readonly EngineVersion[] = ['29', '28', '20.10'];

export interface Engine {
  readonly version: EngineVersion;
  readonly dockerd: string;
  /** The client: a machine without Docker does not have one in its PATH. */
  readonly docker: string;
  /** A minimal init (tini), statically linked. */
  readonly init: string;
  /** A statically linked busybox for use outside of containers, and the image made of it. */
  readonly busybox: string;
  readonly busyboxImage: string;
  /** Where the engine finds its other programs and their libraries. */
  readonly env: NodeJS.ProcessEnv;
}

const UNPACK_SCRIPT = path.join(import.meta.dirname, 'unpack-docker.sh');
const BUILD_SCRIPT = path.join(import.meta.dirname, 'build-engine-29.sh');
const UNPACK_TIMEOUT_MS = 5 * 60_000;
const BUILD_TIMEOUT_MS = 40 * 60_000;
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const TOOLS = ['ip', 'nsenter', 'unshare', 'setpriv', 'mount', 'apt-get', 'dpkg-deb'];
const BUILD_TOOLS = ['go', 'gcc', 'pkg-config'];

const made = new Map<EngineVersion, Promise<Engine>>();

/**
 * An engine ready to be started. Its first use on a machine unpacks it, which takes about 10 s, or builds it, which takes
 * minutes.
 */
export function engine(version: EngineVersion): Promise<Engine> {
  const known = made.get(version) ?? make(version);
  made.set(version, known);
  return known;
}

/**
 * Makes an engine before the timeouts of the tests start. `false`: it is available; otherwise the reason why this machine
 * cannot run it, for `skip`.
 */
export async function whyNotReady(version: EngineVersion): Promise<string | false> {
  const reason = whyNoEngine(version);
  if (reason !== undefined) return reason;
  await engine(version);
  return false;
}

/** Why this machine cannot run an engine; undefined when it can. */
export function whyNoEngine(version: EngineVersion = '28'): string | undefined {
  if (process.platform !== 'linux') return `dockerd needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'dockerd and its namespaces need root';
  const isToBeBuilt = version === '29' && !existsSync(builtFolder());
  const missing = [...TOOLS, ...(isToBeBuilt ? BUILD_TOOLS : [])].filter((tool) => !isInPath(tool));
  if (missing.length > 0) return `not installed here: ${missing.join(', ')}`;
  const probe = spawnSync('unshare', ['--net', '--uts', '--mount', '--pid', '--fork', 'true'], { encoding: 'utf8' });
  if (probe.status !== 0) return `this machine allows no new namespaces: ${probe.stderr.trim()}`;
  return undefined;
}

async function make(version: EngineVersion): Promise<Engine> {
  const root = version === '29' ? await build() : await unpack(version);
  const libraries = path.join(root, 'lib-all');
  return {
    version,
    dockerd: path.join(root, 'usr/sbin/dockerd'),
    docker: path.join(root, 'usr/bin/docker'),
    init: path.join(root, 'usr/bin/docker-init'),
    busybox: path.join(root, 'bin/busybox'),
    busyboxImage: path.join(root, 'busybox.tar'),
    env: {
      PATH: [path.join(root, 'usr/sbin'), path.join(root, 'usr/bin'), ...SYSTEM_FOLDERS].join(':'),
      LD_LIBRARY_PATH: libraries,
      XTABLES_LIBDIR: path.join(libraries, 'xtables'),
    },
  };
}

async function unpack(version: '28' | '20.10'): Promise<string> {
  const root = unpackedFolder(version);
  const release = version === '28' ? '28' : '20';
  await output('sh', [UNPACK_SCRIPT, root, release], { timeoutMs: UNPACK_TIMEOUT_MS });
  return root;
}

async function build(): Promise<string> {
  await engine('28');
  const root = builtFolder();
  await output('sh', [BUILD_SCRIPT, root, unpackedFolder('28')], { timeoutMs: BUILD_TIMEOUT_MS });
  return root;
}

const unpackedFolder = (version: EngineVersion): string => folderOf(version, UNPACK_SCRIPT);

const builtFolder = (): string => folderOf('29', UNPACK_SCRIPT, BUILD_SCRIPT);

/** Where an engine is kept: another folder once a script that makes it has changed. */
function folderOf(version: EngineVersion, ...scripts: readonly string[]): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache');
  const key = createHash('sha256');
  for (const script of scripts) key.update(readFileSync(script));
  return path.join(cache, 'berth', 'engines', `${version}-${key.digest('hex').slice(0, 8)}`);
}

function isInPath(tool: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(':'), ...SYSTEM_FOLDERS];
  return folders.some((folder) => isExecutable(path.join(folder, tool)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
