/** The managed plugin: Docker's own package format, a root file system and its description. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundleShim } from './bundle.ts';

const NODE = '/bin/node';
const PROGRAM = '/berth.mjs';
const DATA = '/var/lib/berth';

interface Variable {
  readonly name: string;
  readonly description: string;
  readonly value?: string;
}

/** The program's environment does not contain a variable without a value. */
const VARIABLES: readonly Variable[] = [
  { name: 'BERTH_ENDPOINT', description: "URL of the capabilities function: https://… or unix:/PATH, as the plugin's" },
  {
    name: 'BERTH_HOST_ID',
    description: "this host's id in the fleet; default: the previous id, or else one from its machine id",
  },
  {
    name: 'BERTH_MACHINE',
    description: 'a name that distinguishes this machine from copies of it, if its hardware does not',
  },
  { name: 'BERTH_SPACE', description: 'the address space of networks that do not name one' },
  { name: 'BERTH_REGION', description: "the functions' AWS region" },
  { name: 'BERTH_DEADLINE', description: 'the seconds within which every call of dockerd is answered' },
  { name: 'BERTH_LOG_LEVEL', description: 'the log level' },
  { name: 'BERTH_METRICS', description: '127.0.0.1:PORT or unix:/PATH to serve metrics on' },
  { name: 'AWS_ACCESS_KEY_ID', description: 'needed where there is no instance role to use' },
  { name: 'AWS_SECRET_ACCESS_KEY', description: 'the same' },
  { name: 'AWS_SESSION_TOKEN', description: 'the same' },
  { name: 'AWS_PROFILE', description: 'the profile in the files below' },
  { name: 'AWS_CONFIG_FILE', description: "AWS's configuration", value: `${DATA}/aws/config` },
  { name: 'AWS_SHARED_CREDENTIALS_FILE', description: "AWS's credentials", value: `${DATA}/aws/credentials` },
];

/** Each must exist on the host before the plugin is enabled. */
const MOUNTS = [
  { name: 'data', description: 'what must survive a restart', source: DATA, destination: DATA, options: ['rbind'] },
  {
    name: 'docker',
    description: "Docker's socket, to see which networks and containers there really are",
    source: '/run/docker.sock',
    destination: '/run/docker.sock',
    options: ['bind'],
  },
  {
    name: 'machine-id',
    description: 'the source of the host id if none is given',
    source: '/etc/machine-id',
    destination: '/etc/machine-id',
    options: ['bind', 'ro'],
  },
];

/**
 * The description of the plugin that Docker reads. A managed plugin has one socket and so one driver, whose name is that
 * of the plugin: `--ipam-driver NAME:TAG`.
 */
export const pluginConfig = (driver: string): object => ({
  description: 'IP address management for fleets of Docker hosts',
  documentation: 'docs/installation.md',
  interface: { types: ['docker.ipamdriver/1.0'], socket: `${driver}.sock` },
  entrypoint: [NODE, PROGRAM, 'shim'],
  args: { name: 'args', description: 'more options of berth shim', settable: ['value'], value: [] },
  workdir: '/',
  // The functions, the instance's metadata and the host's routes are reachable only in the host's network.
  network: { type: 'host' },
  linux: { capabilities: [] },
  env: [
    ...VARIABLES.map((variable) => ({ ...variable, settable: ['value'] })),
    { name: 'BERTH_DRIVERS', description: 'the one driver that this plugin is', value: driver, settable: [] },
  ],
  mounts: MOUNTS.map((mount) => ({ ...mount, type: 'bind', settable: ['source'] })),
});

/** Makes DIR/config.json and DIR/rootfs, for `docker plugin create NAME:TAG DIR`. */
export async function packagePlugin(dir: string, driver: string): Promise<void> {
  const rootfs = path.join(dir, 'rootfs');
  rmSync(dir, { recursive: true, force: true });
  await bundleShim(path.join(rootfs, PROGRAM));
  place(process.execPath, path.join(rootfs, NODE));
  for (const library of librariesOf(process.execPath)) place(library, path.join(rootfs, library));
  writeEtc(path.join(rootfs, 'etc'));
  writeFileSync(path.join(dir, 'config.json'), `${JSON.stringify(pluginConfig(driver), undefined, 2)}\n`);
}

/** The libraries keep their paths, so that the program finds them. It needs no certificates: Node contains the roots. */
function librariesOf(program: string): string[] {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n');
  if (lines.some((line) => line.includes('not found'))) throw new Error(`${program} lacks a library: ${lines.join()}`);
  return lines.flatMap((line) => /(?:^|\s)(\/\S+)/.exec(line)?.[1] ?? []);
}

function place(from: string, to: string): void {
  mkdirSync(path.dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, 0o755);
}

/** What the C library looks up; Docker adds hosts and resolv.conf. */
function writeEtc(folder: string): void {
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'passwd'), 'root:x:0:0:root:/:/bin/false\n');
  writeFileSync(path.join(folder, 'nsswitch.conf'), 'passwd: files\nhosts: files dns\n');
}
