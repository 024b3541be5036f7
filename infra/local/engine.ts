/** The embedded engine: a DynamoDB-compatible server of one static binary that keeps its data in one file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Socket, connect, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from '../../shim/user-error.ts';

export interface Engine {
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

const PORT_TRIES = 5;
const READY_TRIES = 200;
const READY_PAUSE_MS = 25;

/**
 * Becomes the engine. A child of the shell ends the engine when the parent dies without notice, since the pipe at 3 closes
 * then. A line through the pipe means that the engine has already ended and its process number may be in use again.
 */
const GUARDED = '(read -r over <&3 || kill "$$") 2>/dev/null & exec "$@" 3<&-';
const GUARD_DESCRIPTOR = 3;

/**
 * Starts the engine on a free loopback port. An engine that an earlier, killed run left behind is ended first: two engines
 * on one file would not see each other's conditional writes.
 *
 * @param folder the folder of the data file; `undefined`: the data is in memory.
 * @throws Error when there is no engine for this platform or it does not start.
 */
export async function startEngine(folder: string | undefined): Promise<Engine> {
  const binary = findBinary();
  if (folder !== undefined) await endLeftover(folder);
  for (let tries = 0; tries < PORT_TRIES; tries++) {
    const port = await freePort();
    const engine = spawnEngine(binary, port, folder);
    // Immediately, so that the next run can end the engine if this process is killed right now.
    if (folder !== undefined) writeFileSync(pidFile(folder), String(engine.pid ?? 0));
    if (await isReady(engine, port)) {
      return { url: `http://127.0.0.1:${port}`, process: engine, stop: () => stopEngine(engine, folder) };
    }
    engine.kill('SIGKILL');
  }
  throw new UserError(`the embedded engine does not start${folder === undefined ? '' : `; see ${folder}/engine.log`}`);
}

function findBinary(): string {
  const name = `@dynoxide/${process.platform}-${process.arch}`;
  try {
    return path.join(path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'dynoxide');
  } catch {
    throw new UserError(
      `no embedded engine for ${process.platform}-${process.arch} is installed (npm package ${name}); ` +
        'give a DynamoDB-compatible endpoint with --dynamodb URL',
    );
  }
}

const dataFile = (folder: string): string => path.join(folder, 'table.db');
const pidFile = (folder: string): string => path.join(folder, 'engine.pid');

function spawnEngine(binary: string, port: number, folder: string | undefined): ChildProcess {
  const file = folder === undefined ? [] : ['--db-path', dataFile(folder)];
  const log = folder === undefined ? 'ignore' : openSync(path.join(folder, 'engine.log'), 'a', 0o600);
  const serve = [binary, 'serve', '--host', '127.0.0.1', '--port', String(port), ...file];
  const engine = spawn('sh', ['-c', GUARDED, 'sh', ...serve], {
    stdio: ['ignore', log, log, 'pipe'],
    // A signal from the terminal goes only to the parent, which ends the engine when it is no longer needed.
    detached: true,
  });
  if (log !== 'ignore') closeSync(log);
  dismissGuard(engine);
  // The caller treats a binary that cannot be started as one that does not become ready.
  engine.once('error', (error) => {
    console.error(`${binary}: ${error.message}`);
  });
  return engine;
}

/** Dismisses the guard when the engine has ended. Until then the pipe does not keep this process alive. */
function dismissGuard(engine: ChildProcess): void {
  const guard = engine.stdio[GUARD_DESCRIPTOR];
  if (!(guard instanceof Socket)) throw new Error('the guard of the engine has no pipe');
  guard.unref();
  // The guard may die before its engine.
  guard.once('error', () => undefined);
  engine.once('exit', () => guard.end('over\n'));
}

async function stopEngine(engine: ChildProcess, folder: string | undefined): Promise<void> {
  const ended = new Promise((resolve) => engine.once('exit', resolve));
  if (engine.exitCode === null && engine.signalCode === null) {
    engine.kill('SIGTERM');
    await ended;
  }
  if (folder !== undefined) rmSync(pidFile(folder), { force: true });
}

async function endLeftover(folder: string): Promise<void> {
  const pid = readPid(pidFile(folder));
  if (pid === undefined || !serves(pid, folder)) return;
  process.kill(pid, 'SIGTERM');
  for (let tries = 0; tries < READY_TRIES && serves(pid, folder); tries++) await delay(READY_PAUSE_MS);
  if (serves(pid, folder)) throw new UserError(`the engine of an earlier run (process ${pid}) does not end`);
}

function readPid(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** The system may have reused the process number: only a process with our data file counts. */
function serves(pid: number, folder: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(dataFile(folder));
  } catch {
    return false;
  }
}

/** A loopback port that is free at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** `false`: it has ended, most likely because another process took the port in the meantime. */
async function isReady(engine: ChildProcess, port: number): Promise<boolean> {
  for (let tries = 0; tries < READY_TRIES; tries++) {
    if (engine.exitCode !== null || engine.signalCode !== null) return false;
    if (await accepts(port)) return true;
    await delay(READY_PAUSE_MS);
  }
  return false;
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
