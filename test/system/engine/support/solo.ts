/** One Docker host on a LAN, with all of Berth on it, for the tests of a `describe`. */
import { after, before } from 'node:test';
import type { Berth } from '../../../support/berth-process.ts';
import { startUp } from './berth.ts';
import { type EngineVersion, engine } from './engines.ts';
import { type Host, type Lan, startHost, startLan } from './host.ts';

export let host: Host;
export let berth: Berth;

/** Started before the tests, and stopped after them. */
export function useSolo(version: EngineVersion): void {
  let lan: Lan;
  before(async () => {
    lan = await startLan('one');
    host = await startHost({ engine: await engine(version), name: 'solo', lan });
    berth = await startUp(host);
  });
  after(async () => {
    await berth.stop();
    await host.stop();
    await lan.stop();
  });
}

export async function restartBerth(): Promise<void> {
  await berth.stop();
  berth = await startUp(host);
}

/** Removes a network, after its containers. */
export async function remove(network: string, ...containers: readonly string[]): Promise<void> {
  if (containers.length > 0) await host.docker('rm', '-f', ...containers);
  await host.docker('network', 'rm', network);
}
