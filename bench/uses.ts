/** What the usual operations of dockerd and the shim cost, counted as a whole: all calls of a network, not each one. */
import { registerHost } from '../functions/ipam/hosts/register.ts';
import { holdingsOf, networksOf } from '../functions/ipam/recovery/holdings.ts';
import { Host, GATEWAY, withMac } from '../test/support/fleet.ts';
import type { Use } from './bill.ts';
import { CONTAINERS } from './fleet-count.ts';
import { type Setting, setting } from './setting.ts';

export interface Uses {
  /** A container that starts and stops, in a pool with room. */
  readonly container: Use;
  /** A network that is created and removed, with a subnet of its own. */
  readonly network: Use;
  /** One comparison with Docker by a host with one network and some containers. */
  readonly look: Use;
}

const PRINCIPAL = 'arn:aws:sts::123456789012:assumed-role/berth-host/i-00000000000000000';
const MAC = withMac('02:42:ac:11:00:02');

/** @param seed of all randomness. */
export async function countUses(seed: number): Promise<Uses> {
  const at = await setting(seed);
  try {
    const host = new Host(at, 'i-00000000000000000');
    const told = { principal: PRINCIPAL, incarnation: undefined, proposed: 'nonce-bench' };
    await registerHost(at, host.call(), { ...told, shimVersion: 'bench', engineVersion: '' });
    return {
      network: await networkUse(at, host),
      container: await containerUse(at, host),
      look: await lookUse(at, host),
    };
  } finally {
    await at.close();
  }
}

/** The calls of dockerd for `docker network create` and `docker network rm`. */
async function networkUse(at: Setting, host: Host): Promise<Use> {
  const calls = counted(at);
  const net = await calls.of(() => host.pool());
  const gateway = await calls.of(() => host.address(net, '', GATEWAY));
  await calls.of(() => host.release(net, gateway));
  await calls.of(() => host.leave(net));
  return calls.use;
}

async function containerUse(at: Setting, host: Host): Promise<Use> {
  const net = await host.pool();
  await host.address(net, '', GATEWAY);
  const calls = counted(at);
  const address = await calls.of(() => host.address(net, '', MAC));
  await calls.of(() => host.release(net, address));
  await host.leave(net);
  return calls.use;
}

/** The requests of shim/reconcile/fleet-records.ts: what each network holds, and which networks the table knows. */
async function lookUse(at: Setting, host: Host): Promise<Use> {
  const net = await host.pool();
  for (let i = 0; i < CONTAINERS; i++) await host.address(net, '', withMac(`02:42:ac:11:00:0${i}`));
  const { poolId } = net;
  const calls = counted(at);
  const { key } = await calls.of(() => holdingsOf(at, host.call(), { poolId }));
  await calls.of(() => networksOf(at, host.call(), { known: [key] }));
  return calls.use;
}

/** Adds up consecutive calls. */
function counted(at: Setting) {
  const use = { calls: 0, writes: 0, reads: 0 };
  return {
    use,
    async of<T>(call: () => Promise<T>): Promise<T> {
      const { outcome, cost } = await at.meter.measure(call);
      if (outcome.status === 'rejected') throw outcome.reason;
      use.calls++;
      use.writes += cost.writeUnits;
      use.reads += cost.readUnits;
      return outcome.value;
    },
  };
}
