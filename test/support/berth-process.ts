/** Berth as users start it: the program, its sockets, its output. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { root } from './repository.ts';
import { within } from './deadlines.ts';
import { endingWithUs } from './ending-with-us.ts';
import { send } from './http.ts';

export const PROGRAM = path.join(root, 'shim/main.ts');
/** ms */
const START_TIMEOUT = 30_000;

/** Starts a command; a test host starts it in its own namespaces. */
export type Spawn = (
  command: string,
  args: readonly string[],
) => ChildProcess & { readonly stdout: Readable; readonly stderr: Readable };

export interface Berth {
  readonly process: ChildProcess;
  /** Its output for users. */
  readonly stdout: string;
  /** Its log so far. */
  log(): string;
  /** Ends it and returns its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const spawnWith =
  (variables: Readonly<Record<string, string>>): Spawn =>
  (command, args) =>
    spawn(...endingWithUs(command, args), { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...variables } });
const spawnHere = spawnWith({});

/** Starts `berth ARGS` and waits until it is ready. @throws Error with its last output if it ends instead. */
export async function startBerth(args: readonly string[], spawnOn: Spawn = spawnHere): Promise<Berth> {
  const child = spawnOn(process.execPath, [PROGRAM, ...args]);
  const said = { out: '', err: '' };
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stderr.on('data', (text: Buffer) => (said.err += text.toString()));
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (text: Buffer) => {
      said.out += text.toString();
      if (said.out.includes('docker network create')) resolve();
    });
    child.once('exit', (code) => {
      reject(new Error(`berth ended with ${code ?? 'a signal'}: ${said.err}`));
    });
  });
  await within(ready, START_TIMEOUT, () => `berth does not get ready: ${said.err}`).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    process: child,
    stdout: said.out,
    log: () => said.err,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs `berth ARGS` to its end, with these variables besides those of the tests. */
export async function runBerth(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawnWith(variables)(process.execPath, [PROGRAM, ...args]);
  const said = { out: '', err: '' };
  child.stdout.on('data', (text: Buffer) => (said.out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (said.err += text.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, ...said };
}

export interface Folders {
  readonly data: string;
  readonly sockets: string;
  remove(): void;
}

/** Short, since a Unix socket's path has 107 bytes. */
export function temporaryFolders(): Folders {
  const root = mkdtempSync(path.join(os.tmpdir(), 'berth-'));
  return {
    data: path.join(root, 'data'),
    sockets: path.join(root, 'sockets'),
    remove: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export interface PluginAnswer {
  readonly status: number;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** As dockerd sends them: no Content-Type, and a strange Host. */
export const DOCKERD_HEADERS = {
  host: 'plugin.moby.localhost',
  'user-agent': 'Go-http-client/1.1',
  accept: 'application/vnd.docker.plugins.v1.2+json',
};

/** A call as dockerd makes it. `body` is sent as it is, or as JSON. */
export async function callPlugin(
  socketPath: string,
  method: string,
  body: string | Buffer | object = '',
): Promise<PluginAnswer> {
  const bytes =
    typeof body === 'string' || Buffer.isBuffer(body) ? Buffer.from(body) : Buffer.from(`${JSON.stringify(body)}\n`);
  const headers = { ...DOCKERD_HEADERS, 'content-length': bytes.length };
  const answer = await send({ socketPath, path: `/${method}`, headers }, bytes);
  const text = answer.body.toString();
  return { status: answer.status, text, json: parseObject(text) };
}

function parseObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`no JSON object: ${text}`);
  return { ...value };
}
