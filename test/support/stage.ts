/** Berth on one machine, for tests of its start, work and end. */
import path from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import { type Berth, type Folders, callPlugin, startBerth, temporaryFolders } from './berth-process.ts';
import { MAC } from './fleet.ts';
import { until } from './deadlines.ts';

export let folders: Folders;
export let running: Berth[];

/** New for each test of the file that calls this: what a test starts is stopped after it. */
export function useStage(): void {
  beforeEach(() => {
    folders = temporaryFolders();
    running = [];
  });
  afterEach(async () => {
    for (const berth of running.reverse()) await berth.stop();
    folders.remove();
  });
}

export const upArguments = ({ data, sockets }: Folders): string[] => [
  'up',
  '--data',
  data,
  '--sockets',
  sockets,
  // The tests must not touch a Docker engine of this machine.
  '--docker',
  `unix://${path.join(data, 'no-docker.sock')}`,
  '--host-id',
  'a',
];

export async function up(): Promise<Berth> {
  const berth = await startBerth(upArguments(folders));
  running.push(berth);
  return berth;
}

export const socket = (sockets = folders.sockets): string => path.join(sockets, 'berth.sock');

export async function ipam(method: string, body: object, at = socket()): Promise<Readonly<Record<string, unknown>>> {
  return (await callPlugin(at, `IpamDriver.${method}`, body)).json;
}

export const requestPool = (Pool: string, at = socket()) =>
  ipam('RequestPool', { AddressSpace: 'default', Pool, SubPool: '', Options: null, V6: false }, at);
export const requestAddress = async (PoolID: unknown, Address: string, at = socket()): Promise<unknown> => {
  const answer = await ipam('RequestAddress', { PoolID, Address, Options: MAC }, at);
  return answer['Address'] ?? answer['Error'];
};

/** Whether it still holds afterwards is not checked. */
export const eventually = (holds: () => Promise<boolean>): Promise<void> => until(holds, () => holds.toString());

/** Asks until the answer is this once. */
export async function granted(ask: () => Promise<unknown>, address: string): Promise<void> {
  let is = false;
  await eventually(async () => (is ||= (await ask()) === address));
}
