/** The Docker engines that the tests run, and whether this machine can run them at all. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { output } from './command.ts';

export type EngineVersion = '28' | '20.10';

export interface Engine {
  readonly version: EngineVersion;
  readonly dockerd: string;
  /** The client: a machine without Docker has none in its PATH. */
  readonly docker: string;
  /** A minimal init (tini), statically linked. */
  readonly init: string;
  /** A statically linked busybox for use outside of containers, and the image made of it. */
  readonly busybox: string;
  readonly busyboxImage: string;
  /** Where the engine finds its other programs and their libraries. */
  readonly env: NodeJS.ProcessEnv;
}

/** The script's name of each engine. */
const RELEASES: Record<EngineVersion, string> = { '28': '28', '20.10': '20' };
const UNPACK_SCRIPT = path.join(import.meta.dirname, 'unpack-docker.sh');
const UNPACK_TIMEOUT_MS = 5 * 60_000;
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const TOOLS = ['ip', 'nsenter', 'unshare', 'setpriv', 'mount', 'apt-get', 'dpkg-deb'];

const unpacked = new Map<EngineVersion, Promise<Engine>>();

/** An engine ready to be started. Its first use on a machine downloads it, which takes some 10 s. */
export function engine(version: EngineVersion): Promise<Engine> {
  const known = unpacked.get(version) ?? unpack(version);
  unpacked.set(version, known);
  return known;
}

/** Why this machine cannot run an engine; undefined when it can. */
export function whyNoEngine(): string | undefined {
  if (process.platform !== 'linux') return `dockerd needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'dockerd and its namespaces need root';
  const missing = TOOLS.filter((tool) => !isInPath(tool));
  if (missing.length > 0) return `not installed here: ${missing.join(', ')}`;
  const probe = spawnSync('unshare', ['--net', '--uts', '--mount', '--pid', '--fork', 'true'], { encoding: 'utf8' });
  if (probe.status !== 0) return `this machine allows no new namespaces: ${probe.stderr.trim()}`;
  return undefined;
}

async function unpack(version: EngineVersion): Promise<Engine> {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache');
  const root = path.join(cache, 'berth', 'engines', version);
  await output('sh', [UNPACK_SCRIPT, root, RELEASES[version]], { timeoutMs: UNPACK_TIMEOUT_MS });
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
