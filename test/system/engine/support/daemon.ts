/** One dockerd (with its containerd) in the namespaces of a simulated host. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { limit, until, within } from '../../../support/deadlines.ts';
import { output } from './command.ts';
import type { Engine } from './engines.ts';

export interface Place {
  readonly engine: Engine;
  /** The host's folder outside of its namespaces: the API's socket and the log are there. */
  readonly folder: string;
  /** The control group for the host's containers. */
  readonly group: string;
  /** The init of the PID and mount namespace to run in. */
  readonly init: string;
}

export interface Daemon {
  readonly socket: string;
  log(): string;
  /** Ends dockerd with the signal (SIGKILL: like a crash) and starts it again on the same data. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Kills dockerd, which releases nothing. */
  crash(): Promise<void>;
  /** Starts it again on the same data. */
  start(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
/** dockerd gives containers 10 s to end and itself 15 s. */
const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const PID_FILE = '/run/docker.pid';
const LOG_LINES_SHOWN = 15;

export async function startDaemon(place: Place): Promise<Daemon> {
  const socket = path.join(place.folder, 'docker.sock');
  let child = await launch(place, socket);
  return {
    socket,
    log: () => readLog(place),
    async restart(signal) {
      await halt(place, child, signal);
      child = await launch(place, socket);
    },
    crash: () => halt(place, child, 'SIGKILL'),
    async start() {
      child = await launch(place, socket);
    },
  };
}

/** The arguments of nsenter for a process within the daemon's namespaces. */
function inDaemonSpace(init: string): string[] {
  return ['--target', init, '--net', '--uts', '--mount', '--pid', '--'];
}

async function launch(place: Place, socket: string): Promise<ChildProcess> {
  const { engine, init, group } = place;
  const args = ['--data-root', '/run/docker-data', '--pidfile', PID_FILE, '--cgroup-parent', `/${group}`];
  // Two sockets of the API: where programs on a host look for it, and where the test can reach it.
  args.push('--host', 'unix:///run/docker.sock', '--host', `unix://${socket}`);
  // No systemd here, even where the machine has one; and no process per published port.
  args.push('--exec-opt', 'native.cgroupdriver=cgroupfs', '--userland-proxy=false');
  // An init in every container, since a bare `sleep` as process 1 ignores SIGTERM: each stop would take 10 s.
  args.push('--init');
  const log = openSync(logFile(place), 'a');
  const child = spawn('nsenter', [...inDaemonSpace(init), engine.dockerd, ...args], {
    stdio: ['ignore', log, log],
    env: engine.env,
    detached: true,
  });
  closeSync(log);
  child.on('error', () => undefined); // It could not be started: untilReady sees that.
  child.unref();
  try {
    await untilReady(child, socket);
  } catch (error) {
    const lines = readLog(place).trimEnd().split('\n').slice(-LOG_LINES_SHOWN);
    throw new Error(`dockerd ${engine.version} did not start. Its log ends:\n${lines.join('\n')}`, { cause: error });
  }
  return child;
}

async function untilReady(child: ChildProcess, socket: string): Promise<void> {
  const isReady = (): Promise<boolean> => {
    if (child.pid === undefined) throw new Error('nsenter could not be started');
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('dockerd ended by itself');
    return answers(socket);
  };
  await until(isReady, 'dockerd answers', { milliseconds: START_TIMEOUT_MS, pause: POLL_MS });
}

/** Whether the API answers, which it does once the daemon has restored its state. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get({ socketPath, path: '/_ping', timeout: limit(1_000), agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => {
      resolve(false);
    });
  });
}

async function halt(place: Place, child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return; // It ended before: nothing to signal.
  child.ref();
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  // The child is nsenter, which ends with dockerd but passes no signal on to it. The pid file has the inner number.
  const kill = `kill -s ${signal.slice('SIG'.length)} "$(cat ${PID_FILE})"`;
  await output('nsenter', [...inDaemonSpace(place.init), 'sh', '-c', kill]);
  await within(exited, STOP_TIMEOUT_MS, () => `dockerd did not end after ${signal}`);
}

function logFile(place: Place): string {
  return path.join(place.folder, 'dockerd.log');
}

function readLog(place: Place): string {
  return readFileSync(logFile(place), 'utf8');
}
