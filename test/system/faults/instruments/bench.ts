/** A proxy in front of a lying upstream, for the tests of both. */
import { mkdirSync } from 'node:fs';
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { afterEach, beforeEach } from 'node:test';
import { type Folders, temporaryFolders } from '../../../support/berth-process.ts';
import { FaultProxy } from '../../../support/fault-proxy.ts';
import { LyingUpstream } from '../../../support/lying-upstream.ts';
import { json } from '../../../support/wire-answers.ts';

export const POOL = '/IpamDriver.RequestPool';
export const ANSWER = '{"PoolID":"x"}';

export interface Got {
  readonly status: number;
  readonly body: string;
  /** The number of pieces in which the body arrived. */
  readonly pieces: number;
}

export class Bench {
  readonly folders: Folders;
  readonly upstream: LyingUpstream;
  readonly proxy: FaultProxy;

  private constructor(folders: Folders, upstream: LyingUpstream, proxy: FaultProxy) {
    this.folders = folders;
    this.upstream = upstream;
    this.proxy = proxy;
  }

  static async open(): Promise<Bench> {
    const folders = temporaryFolders();
    for (const folder of [folders.data, folders.sockets]) mkdirSync(folder);
    const upstream = await LyingUpstream.open(folders.data);
    upstream.say(POOL, json({ PoolID: 'x' }));
    return new Bench(folders, upstream, await FaultProxy.open(folders.sockets, upstream.endpoint));
  }

  /** How many requests for a pool reached the upstream. */
  get heard(): number {
    return this.upstream.heard.filter(({ path }) => path === POOL).length;
  }

  post(url: string, attempt = 1, endpoint = this.proxy.endpoint): Promise<Got> {
    return post(url, attempt, endpoint.slice('unix:'.length));
  }

  async close(): Promise<void> {
    await this.proxy.close();
    await this.upstream.close();
    this.folders.remove();
  }
}

function post(url: string, attempt: number, socketPath: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const headers = { 'berth-attempt': attempt, 'berth-request': 'key' };
    const sent = request({ socketPath, path: url, method: 'POST', headers, agent: false }, (response) => {
      const got: Buffer[] = [];
      response.on('data', (part: Buffer) => got.push(part));
      response.once('error', reject);
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(got).toString(), pieces: got.length });
      });
    });
    sent.once('error', reject);
    sent.end('{"a":1}');
  });
}

export let bench: Bench;

/** Opens a new one for each test of the file that calls this. */
export function useBench(): void {
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.close());
}

export const broken = (call: Promise<unknown>): Promise<void> =>
  assert.rejects(call, /socket hang up|ECONNRESET|EPIPE|aborted/);
