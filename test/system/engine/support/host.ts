/**
 * Simulated Docker hosts: each has its own network and mount namespace, its own /run (so its own /run/docker/plugins),
 * its own machine id and host name, and its own dockerd. Several share a LAN (see startLan), nothing reaches the
 * network of the machine, and everything ends with the test's process, even when that is killed.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { within } from '../../../support/deadlines.ts';
import { type Outcome, output, run } from './command.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import type { Engine, EngineVersion } from './engines.ts';
import { type Holder, startHolder } from './holder.ts';
import type { Cable, Lan } from './lan.ts';

export { type Lan, startLan } from './lan.ts';

export interface HostOptions {
  readonly engine: Engine;
  /** The host's name as its programs see it. */
  readonly name?: string;
  /** The LAN that the host's uplink `up0` leads to; without one, the host is alone. */
  readonly lan?: Lan;
}

export interface SpawnOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A process on a host. Its starter must read both streams (or resume() them), or the process blocks when they are full. */
export type HostProcess = ChildProcessByStdio<null, Readable, Readable>;

export interface Host {
  readonly name: string;
  readonly engineVersion: EngineVersion;
  /** The host's folder outside, gone after stop(). Its path is short enough for sockets in it. */
  readonly folder: string;
  /** The host's /run/docker/plugins as seen from outside. */
  readonly pluginsDir: string;
  /** The Docker API's socket as seen from outside; on the host it is /run/docker.sock. */
  readonly socket: string;
  /** What the docker client wrote to stdout, trimmed; an error with its stderr when it failed. */
  docker(...args: string[]): Promise<string>;
  /** What the docker client wrote to stderr, trimmed; an error when it succeeded. */
  dockerFails(...args: string[]): Promise<string>;
  /** Starts a process on the host that ends with the host or the test at the latest. Its pid is the process's own. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): HostProcess;
  /** Runs a command on the host and gives its stdout. */
  exec(command: string, ...args: string[]): Promise<string>;
  /** Its uplink to the LAN, if it has one. */
  readonly cable: Cable | undefined;
  /** dockerd's log so far. */
  log(): string;
  /**
   * Ends dockerd and starts it again; containers end with it. SIGKILL ends it as a crash would, without releasing anything.
   * The host's other processes continue.
   */
  restart(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Kills dockerd, which releases nothing. The host's other processes continue; containers run until it starts again. */
  crash(): Promise<void>;
  /** Starts dockerd again after a crash. */
  start(): Promise<void>;
  /** Ends everything on the host at once, as pulling its plug would: containers are not stopped in an orderly way. */
  stop(): Promise<void>;
}

const DOCKER_TIMEOUT_MS = 120_000;
const KILL_TIMEOUT_MS = 10_000;
const HOLD_SCRIPT = path.join(import.meta.dirname, 'hold-host.sh');
/** A Unix socket's path has 107 bytes; plugins' sockets need some of them for their names. */
const MAX_FOLDER_LENGTH = 60;

let hostsStarted = 0;

export async function startHost(options: HostOptions): Promise<Host> {
  hostsStarted += 1;
  const { engine, name = `host${hostsStarted}`, lan } = options;
  const folder = mkdtempSync(path.join(os.tmpdir(), `berth-${process.pid}-`));
  if (folder.length > MAX_FOLDER_LENGTH) throw new Error(`${os.tmpdir()} is too long a path for Unix sockets`);
  for (const sub of ['plugins', 'client']) mkdirSync(path.join(folder, sub));
  const holder = await holdHost(folder, name, engine);
  try {
    const cable = await lan?.plugIn(holder.pid);
    const daemon = await startDaemon({ engine, folder, group: path.basename(folder), init: holder.ready });
    const host = makeHost({ engine, name, folder, holder, daemon, cable });
    await host.docker('import', engine.busyboxImage, 'busybox');
    return host;
  } catch (error) {
    await holder.end().catch(() => undefined); // Report only why the host did not come up.
    throw error;
  }
}

async function holdHost(folder: string, name: string, engine: Engine): Promise<Holder> {
  const script = ['sh', HOLD_SCRIPT, folder, name, engine.init];
  try {
    return await startHolder('unshare', ['--net', '--uts', '--mount', '--propagation', 'private', ...script]);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true }); // A holder that did not come up does not tidy up either.
    throw error;
  }
}

interface Parts {
  readonly engine: Engine;
  readonly name: string;
  readonly folder: string;
  readonly holder: Holder;
  readonly daemon: Daemon;
  readonly cable: Cable | undefined;
}

function makeHost({ engine, name, folder, holder, daemon, cable }: Parts): Host {
  const children = new Set<HostProcess>();
  const docker = dockerClient(engine, folder, daemon.socket);
  let stopping: Promise<void> | undefined;
  return {
    name,
    engineVersion: engine.version,
    folder,
    pluginsDir: path.join(folder, 'plugins'),
    socket: daemon.socket,
    async docker(...args) {
      const { code, stdout, stderr } = await docker(args);
      if (code !== 0) throw new Error(`${name}: docker ${args.join(' ')}: exit code ${code}\n${stderr.trim()}`);
      return stdout.trim();
    },
    async dockerFails(...args) {
      const { code, stdout, stderr } = await docker(args);
      if (code === 0)
        throw new Error(`${name}: docker ${args.join(' ')} should have failed, but said: ${stdout.trim()}`);
      return stderr.trim();
    },
    spawn(command, args, options = {}) {
      const child = spawnOnHost(holder, [command, ...args], options);
      children.add(child);
      child.once('exit', () => children.delete(child));
      return child;
    },
    exec: (command, ...args) => output('nsenter', onHost(holder, [command, ...args]), { env: execEnv(engine) }),
    cable,
    log: () => daemon.log(),
    crash: () => daemon.crash(),
    start: () => daemon.start(),
    restart: (signal = 'SIGTERM') => daemon.restart(signal),
    stop: () => (stopping ??= endAll(children, holder)),
  };
}

/** The engine's own client, without the configuration of this machine's user. */
function dockerClient(engine: Engine, folder: string, socket: string): (args: readonly string[]) => Promise<Outcome> {
  const env = { PATH: engine.env['PATH'], HOME: folder, DOCKER_CONFIG: path.join(folder, 'client') };
  return (args) => run(engine.docker, ['--host', `unix://${socket}`, ...args], { env, timeoutMs: DOCKER_TIMEOUT_MS });
}

/** The machine's environment, with the engine's own tools (iptables) in the PATH too. */
function execEnv(engine: Engine): NodeJS.ProcessEnv {
  return { ...process.env, ...engine.env };
}

/** The arguments of nsenter that run a command in the namespaces of a host, as the process that nsenter was. */
function onHost(holder: Holder, command: readonly string[]): string[] {
  return ['--target', String(holder.pid), '--net', '--uts', '--mount', '--', ...command];
}

function spawnOnHost(
  holder: Holder,
  command: readonly string[],
  { cwd, env = process.env }: SpawnOptions,
): HostProcess {
  // nsenter starts in the root folder of the new namespace, so `env -C` is needed. The kernel ends the process with this one:
  // setpriv asks for that. Each of the three becomes the next, so that the child is the command itself.
  const args = ['--pdeathsig', 'KILL', 'nsenter', ...onHost(holder, ['env', '-C', cwd ?? '/', ...command])];
  return spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'], env });
}

async function endAll(children: ReadonlySet<HostProcess>, holder: Holder): Promise<void> {
  const exits = [...children].map(async (child) => {
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => {
        resolve();
      });
    });
    child.kill('SIGKILL');
    await within(exited, KILL_TIMEOUT_MS, () => `process ${child.pid ?? 0} could not be killed`);
  });
  await Promise.all(exits);
  await holder.end();
}
