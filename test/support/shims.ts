/** Shims on this machine that share a cloud: each has a name, folders of its own, and no Docker engine. */
import path from 'node:path';
import { signers } from '../../shim/aws/signer.ts';
import { FunctionUrlClient } from '../../shim/cloud/client.ts';
import { Transport } from '../../shim/cloud/transport.ts';
import type { Verdict } from '../../shim/cloud/verdict.ts';
import { parseEndpoint } from '../../shim/endpoint.ts';
import { type Berth, type Spawn, runBerth, startBerth } from './berth-process.ts';
import { limit } from './deadlines.ts';
import type { LocalCloud } from './local-cloud.ts';

export class Shims {
  readonly running: Berth[] = [];
  readonly #cloud: Pick<LocalCloud, 'folder' | 'endpoint'>;

  constructor(cloud: Pick<LocalCloud, 'folder' | 'endpoint'>) {
    this.#cloud = cloud;
  }

  dataOf(machine: string): string {
    return path.join(this.#cloud.folder, machine);
  }

  socketOf(machine: string): string {
    return path.join(this.#cloud.folder, `${machine}-s`, 'berth.sock');
  }

  /** The options that name the folders of a machine. */
  placeOf(machine: string): string[] {
    return ['--data', this.dataOf(machine), '--sockets', path.dirname(this.socketOf(machine))];
  }

  async start(machine: string, options: readonly string[], spawnOn?: Spawn): Promise<Berth> {
    const { endpoint, folder } = this.#cloud;
    const docker = ['--docker', `unix://${path.join(folder, 'no-docker.sock')}`];
    const args = ['shim', ...this.placeOf(machine), '--endpoint', endpoint, ...docker, ...options];
    const berth = await startBerth(args, spawnOn);
    this.running.push(berth);
    return berth;
  }

  async stop(): Promise<void> {
    for (const berth of this.running.splice(0)) await berth.stop();
  }

  /** `berth host ARGS`. */
  operator(...args: readonly string[]): ReturnType<typeof runBerth> {
    return runBerth(['host', ...args, '--endpoint', this.#cloud.endpoint]);
  }
}

/** What a program of an operator or a viewer sends to a function. */
export const ask = (endpoint: string, path: string, message: object, headers = {}): Promise<Verdict> =>
  new FunctionUrlClient(new Transport(), signers(undefined)).ask(parseEndpoint(endpoint), {
    question: 'own',
    path,
    headers,
    body: Buffer.from(JSON.stringify(message)),
    timeout: limit(30_000),
  });

/** What a program of an operator sends about a host, to a function whose socket is in a folder. */
export const declare = (folder: string, message: object, name = 'console'): Promise<Verdict> =>
  ask(`unix:${path.join(folder, `${name}.sock`)}`, '/Berth.HostState', message);

export function wordsOf(verdict: Verdict): string {
  if (verdict.kind === 'failed') return verdict.reason;
  return verdict.refusal ?? verdict.text;
}
