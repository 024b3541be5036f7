/** CI runners: instances that create networks, run something in them, and end without releasing anything. */
import path from 'node:path';
import { startBerth } from '../../../support/berth-process.ts';
import { GATEWAY } from '../../../support/fleet.ts';
import type { LocalCloud } from '../../../support/local-cloud.ts';
import { startShim, subnetsOf } from '../../engine/support/berth.ts';
import { engine } from '../../engine/support/engines.ts';
import { startHost } from '../../engine/support/host.ts';
import { Dockerd } from '../../faults/dockerd.ts';
import type { Contents } from '../../processes/contents.ts';

export interface Runner {
  readonly hostId: string;
  /** Creates a network with containers in it. @returns its subnet. @throws Error with the message for Docker's user. */
  work(): Promise<string>;
  /** Ends like an instance: without a signal to any process. */
  die(): Promise<void>;
}

const CONTAINERS = 3;

/** Has its own shim, and a client that behaves like dockerd. */
export async function smallRunner(cloud: LocalCloud, hostId: string): Promise<Runner> {
  const sockets = path.join(cloud.folder, hostId, 's');
  const place = ['--host-id', hostId, '--data', path.join(cloud.folder, hostId, 'd'), '--sockets', sockets];
  const berth = await startBerth(['shim', ...place, '--endpoint', cloud.endpoint]);
  const dockerd = new Dockerd(path.join(sockets, 'berth.sock'));
  return {
    hostId,
    async work() {
      const { poolId, pool, error } = await dockerd.requestPool('');
      if (error !== undefined) throw new Error(error);
      const wishes = [GATEWAY, ...Array.from({ length: CONTAINERS }, (_, i) => withMac(i))];
      for (const options of wishes) {
        const told = await dockerd.requestAddress(poolId, '', options);
        if (told.error !== undefined) throw new Error(told.error);
      }
      return pool;
    },
    async die() {
      dockerd.close();
      await berth.stop('SIGKILL');
    },
  };
}

const withMac = (i: number) => ({ 'com.docker.network.endpoint.macaddress': `02:42:ac:11:00:0${i}` });

/** Has a Docker engine. */
export async function wholeRunner(cloud: LocalCloud, hostId: string): Promise<Runner> {
  const host = await startHost({ engine: await engine('28'), name: hostId });
  await startShim(host, cloud.endpoint);
  let networks = 0;
  return {
    hostId,
    async work() {
      const name = `net${networks++}`;
      await host.docker('network', 'create', '--ipam-driver', 'berth', name);
      for (let i = 0; i < CONTAINERS; i++) {
        await host.docker('run', '-d', '--network', name, 'busybox', 'sleep', '3600');
      }
      const [subnet = ''] = await subnetsOf(host, name);
      return subnet;
    },
    die: () => host.stop(),
  };
}

/** How many networks and addresses of a host are not free. */
export function heldBy({ pools, refs, addresses }: Contents, hostId: string): number {
  const own = refs.filter((ref) => ref.hostId === hostId);
  const names = new Set(own.map(({ name }) => name));
  const living = new Set(pools.map(({ generation }) => generation));
  const leases = addresses.filter(
    ({ generation, slot }) => living.has(generation) && slot.kind === 'leased' && names.has(slot.ref),
  );
  return own.filter(({ state }) => state !== 'gone').length + leases.length;
}
