/** `berth up`: the whole of Berth on one machine, the cloud as a child process beside the shim. */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { refuseLongSocket } from '../settings.ts';
import { UserError } from '../user-error.ts';

export interface LocalCloud {
  /** The capabilities function's. */
  readonly endpoint: string;
  /** Resolves when the cloud has ended, whoever wanted it. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL('../../infra/local/cloud.ts', import.meta.url));
const readyMessage = v.object({ ready: v.literal(true), endpoint: v.string() });

/**
 * @param dynamodb a DynamoDB-compatible endpoint to use instead of the embedded engine.
 * @param sweepEvery ms between two sweeps, where it is not to be the usual minute.
 * @throws UserError when it does not start; it has said why on standard error.
 */
export async function startCloud(data: string, dynamodb: string | undefined, sweepEvery?: number): Promise<LocalCloud> {
  if (!existsSync(PROGRAM)) {
    throw new UserError('this installation has no embedded cloud: use berth shim --endpoint URL');
  }
  const folder = path.join(data, 'cloud');
  refuseLongSocket(path.join(folder, 'capabilities.sock'));
  const options = [
    ...['--data', folder],
    ...(dynamodb === undefined ? [] : ['--dynamodb', dynamodb]),
    ...(sweepEvery === undefined ? [] : ['--sweep-every', String(sweepEvery)]),
  ];
  const child = fork(PROGRAM, options, {
    // Its log goes where ours goes; standard output is for the person who started us.
    stdio: ['ignore', 2, 2, 'ipc'],
    // A signal from the terminal goes to us alone: the cloud stays until the last call is answered.
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
      reject(new UserError(`the embedded cloud did not start (exit code ${code ?? 'none'}): see above`));
    });
  });
}

async function stopCloud(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  await ended;
}
