/** The functions behind the shim while it is measured. */
import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { formatSharedCredentials } from '../shim/aws/shared-credentials.ts';
import { type LocalCloud, startCloud } from '../shim/commands/up.ts';

export interface Upstream extends Pick<LocalCloud, 'endpoint' | 'stop'> {
  readonly name: string;
  /** Whether it accepts only signed requests. */
  readonly wantsSignatures: boolean;
}

export type StartUpstream = (folder: string) => Promise<Upstream>;

/** The shim signs requests to it all the same, as for AWS, since there are credentials next to its socket. */
export async function startStub(folder: string): Promise<Upstream> {
  const key = { accessKeyId: 'LOCAL00000000000BENCH', secretAccessKey: 'bench' };
  writeFileSync(path.join(folder, 'credentials'), formatSharedCredentials(key), { mode: 0o600 });
  const socket = path.join(folder, 'stub.sock');
  const child = fork(path.join(import.meta.dirname, 'shim-stub.ts'), [socket]);
  await readiness(child);
  return {
    name: 'a stub that answers at once',
    endpoint: `unix:${socket}`,
    wantsSignatures: false,
    stop: () => stopped(child),
  };
}

const readiness = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    child.once('message', () => {
      resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      reject(new Error(`the stub did not start (exit code ${code ?? 'none'})`));
    });
  });

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => {
      resolve();
    });
    child.kill('SIGTERM');
  });
}

/** The functions and the engine as `berth up` runs them. */
export async function startLocalCloud(folder: string): Promise<Upstream> {
  const cloud = await startCloud(folder, undefined);
  return { ...cloud, name: 'the local cloud', wantsSignatures: true };
}
