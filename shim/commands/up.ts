/** `berth up`: all of Berth on one machine, with the cloud as a child process of the shim. */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { refuseLongSocket } from '../settings.ts';
import { UserError } from '../user-error.ts';

export interface LocalCloud {
  /** Of the capabilities function. */
  readonly endpoint: string;
  /** Resolves when the cloud has ended, for whatever reason. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL('../../infra/local/cloud.ts', import.meta.url));
const readyMessage = v.object({ ready: v.literal(true), endpoint: v.string() });

/** @throws UserError when this package of Berth, such as that of the shim alone, cannot run a cloud. */
export function refuseWithoutCloud(): void {
  if (existsSync(PROGRAM)) return;
  throw new UserError('this installation has no embedded cloud; use berth shim --endpoint URL');
}

/**
 * @param dynamodb a DynamoDB-compatible endpoint to use instead of the embedded engine.
 * @param sweepEvery ms between two sweeps; by default, one minute.
 * @throws UserError when it does not start; the reason is on standard error.
 */
export async function startCloud(data: string, dynamodb: string | undefined, sweepEvery?: number): Promise<LocalCloud> {
  const folder = path.join(data, 'cloud');
  refuseLongSocket(path.join(folder, 'capabilities.sock'));
  const options = [
    '--data',
    folder,
    ...(dynamodb === undefined ? [] : ['--dynamodb', dynamodb]),
    ...(sweepEvery === undefined ? [] : ['--sweep-every', String(sweepEvery)]),
  ];
  const child = fork(PROGRAM, options, {
    // Its log goes to our standard error; standard output is for the person who started the program.
    stdio: ['ignore', 2, 2, 'ipc'],
    // A signal from the terminal reaches only this process: the cloud runs until the last call is answered.
    detached: true,
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  return { endpoint: await readiness(child), ended, stop: () => stopCloud(child, ended) };
}

function readiness(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.on('message', (message) => {
      const parsed = v.safeParse(readyMessage, message);
      if (parsed.success) resolve(parsed.output.endpoint);
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      reject(new UserError(`the embedded cloud did not start (exit code ${code ?? 'none'}); see its messages above`));
    });
  });
}

async function stopCloud(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  await ended;
}
