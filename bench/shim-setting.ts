/** A shim as on a host, in a process of its own, with functions behind it, and direct calls to them for comparison. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { signers } from '../shim/aws/signer.ts';
import { parseEndpoint } from '../shim/endpoint.ts';
import { Sequence } from '../shim/host/sequence.ts';
import { type Berth, type Spawn, startBerth } from '../test/support/berth-process.ts';
import { until } from '../test/support/deadlines.ts';
import { endingWithUs } from '../test/support/ending-with-us.ts';
import { type Caller, directCaller, shimCaller } from './callers.ts';
import type { Way } from './load.ts';
import type { StartUpstream, Upstream } from './shim-upstream.ts';

export interface ShimSetting {
  /** The functions behind the shim. */
  readonly functions: string;
  readonly direct: Way;
  readonly shim: Way;
  /** The metrics of the shim, without the common prefix. */
  readonly metrics: () => Promise<ReadonlyMap<string, number>>;
  /** The folder of the shim's journal and log. */
  readonly journal: string;
  readonly log: string;
  close(): Promise<void>;
}

const POOLS = { direct: '10.1.0.0/16', shim: '10.2.0.0/16' };
const SETTLE_PAUSE_MS = 5;
const SETTLE_TIMEOUT_MS = 60_000;

async function shimSetting(folder: string, start: StartUpstream, nodeOptions: string): Promise<ShimSetting> {
  const upstream = await start(folder);
  try {
    return await settingBefore(folder, upstream, nodeOptions);
  } catch (error) {
    await upstream.stop();
    throw error;
  }
}

async function settingBefore(folder: string, upstream: Upstream, nodeOptions: string): Promise<ShimSetting> {
  const log = path.join(folder, 'shim.log');
  const berth = await startShim(folder, upstream, loggingTo(log, nodeOptions)).catch((error: unknown) => {
    throw new Error(`the shim did not start: ${readFileSync(log, 'utf8')}`, { cause: error });
  });
  const close = async (): Promise<void> => {
    await berth.stop();
    await upstream.stop();
  };
  try {
    const metrics = (): Promise<Map<string, number>> => readMetrics(path.join(folder, 'metrics.sock'));
    const direct = await directTo(folder, upstream);
    const shim = shimCaller(path.join(folder, 'sockets/berth.sock'));
    return {
      functions: upstream.name,
      direct: await way('direct', direct, POOLS.direct, () => Promise.resolve()),
      shim: await way('through the shim', shim, POOLS.shim, () => heardAll(metrics)),
      metrics,
      journal: path.join(folder, 'data/journal'),
      log,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function way(name: string, call: Caller, subnet: string, settled: () => Promise<void>): Promise<Way> {
  const pool = { AddressSpace: 'default', Pool: subnet, SubPool: '', Options: null, V6: false };
  const { answer } = await call('RequestPool', pool);
  return { name, call, poolId: answer.PoolID, settled };
}

function directTo(folder: string, { endpoint: text, wantsSignatures }: Upstream): Promise<Caller> {
  const own = path.join(folder, 'direct');
  mkdirSync(own);
  const endpoint = parseEndpoint(text);
  const signer = wantsSignatures ? signers(undefined)(endpoint) : undefined;
  return directCaller({ endpoint, signer, hostId: 'bench-direct', sequence: new Sequence(own) });
}

/** As in production, except for the folders. */
function startShim(folder: string, { endpoint }: Upstream, spawnOn: Spawn): Promise<Berth> {
  const places = ['--data', path.join(folder, 'data'), '--sockets', path.join(folder, 'sockets')];
  const metrics = `unix:${path.join(folder, 'metrics.sock')}`;
  const options = ['--host-id', 'bench-shim', '--drivers', 'berth', '--endpoint', endpoint, '--metrics', metrics];
  return startBerth(['shim', ...places, ...options, '--log-level', 'info'], spawnOn);
}

/** The log goes to a file: reading a pipe would take time. */
const loggingTo =
  (log: string, nodeOptions: string): Spawn =>
  (command, args) =>
    spawn(...endingWithUs('sh', ['-c', 'exec "$0" "$@" 2> "$SHIM_LOG"', command, ...args]), {
      env: { ...process.env, SHIM_LOG: log, NODE_OPTIONS: nodeOptions },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

const PREFIX = 'berth_shim_';

async function readMetrics(socketPath: string): Promise<Map<string, number>> {
  const told = await new Promise<string>((resolve, reject) => {
    const asking = request({ socketPath, path: '/metrics', agent: false }, (response) => {
      text(response).then(resolve, reject);
    });
    asking.once('error', reject);
    asking.end();
  });
  const lines = told.matchAll(/^(\w+) ([\d.e+-]+)$/gm);
  return new Map([...lines].map(([, name = '', value]) => [name.slice(PREFIX.length), Number(value)]));
}

/** dockerd is answered before the functions have received a release if other calls wait. */
async function heardAll(metrics: ShimSetting['metrics']): Promise<void> {
  const isHeard = async (): Promise<boolean> => (await metrics()).get('journal_depth') === 0;
  await until(isHeard, 'the functions have received all calls', {
    milliseconds: SETTLE_TIMEOUT_MS,
    pause: SETTLE_PAUSE_MS,
  });
}

/** @param nodeOptions of the shim's process. */
export async function withSetting<T>(
  start: StartUpstream,
  use: (at: ShimSetting) => Promise<T>,
  nodeOptions = '',
): Promise<T> {
  // Short, since a Unix socket's path has 107 bytes.
  const folder = mkdtempSync(path.join(os.tmpdir(), 'berth-'));
  try {
    const at = await shimSetting(folder, start, nodeOptions);
    return await use(at).finally(() => at.close());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const sizeOf = (file: string): number => statSync(file).size;
