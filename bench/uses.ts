/** What the usual operations of dockerd and the shim cost, counted as a whole: all calls of a network, not each one. */
import { registerHost } from '../functions/ipam/hosts/register.ts';
import { beginningsOf, networksOf } from '../functions/ipam/recovery/holdings.ts';
import { FIRST_CURSOR } from '../functions/ipam/sweep-cursor.ts';
import { TOMBSTONE_LIFETIME_MS } from '../functions/ipam/sweep/items.ts';
import { sweep } from '../functions/ipam/sweep/sweep.ts';
import { MAX_FURTHER_NETWORKS } from '../protocol/limits.ts';
import { Host, GATEWAY, withMac } from '../test/support/fleet.ts';
import type { Cost } from '../test/support/meter.ts';
import { withoutFailures } from '../test/support/whole-sweep.ts';
import type { Use } from './bill.ts';
import { CONTAINERS } from './fleet-count.ts';
import { type Setting, setting } from './setting.ts';

export interface Uses {
  /** A container that starts and stops, in a pool with room. */
  readonly container: Use;
  /** A network that is created and removed, with a subnet of its own. */
  readonly network: Use;
  /** What the sweep does about a network that has ended, which had some containers. */
  readonly clearing: Use;
  /** One comparison with Docker by a host, by the number of its networks. */
  readonly looks: readonly [Look, ...Look[]];
}

export interface Look {
  readonly networks: number;
  readonly use: Use;
}

/** What one question asks about. */
const MAX_NETWORKS = 1 + MAX_FURTHER_NETWORKS;
/** Networks that have ended, of which the clearing up is counted. */
const ENDED = 50;

const principalOf = (id: string): string => `arn:aws:sts::123456789012:assumed-role/berth-host/${id}`;
const MAC = withMac('02:42:ac:11:00:02');

/** @param seed of all randomness. */
export async function countUses(seed: number): Promise<Uses> {
  const lookOf = async (networks: number): Promise<Look> => ({
    networks,
    use: await withHost(seed, async (at, host) => (await countLook(at, host, networks)).use),
  });
  return {
    network: await withHost(seed, networkUse),
    container: await withHost(seed, containerUse),
    clearing: await withHost(seed, clearingUse),
    looks: [await lookOf(1), await lookOf(10), await lookOf(50)],
  };
}

/** Counts in a table of its own, with one host. */
async function withHost(seed: number, count: (at: Setting, host: Host) => Promise<Use>): Promise<Use> {
  const at = await setting(seed);
  try {
    return await count(at, await registered(at, 'i-00000000000000000'));
  } finally {
    await at.close();
  }
}

async function registered(at: Setting, id: string): Promise<Host> {
  const host = new Host(at, id);
  const told = { principal: principalOf(id), incarnation: undefined, proposed: 'nonce-bench' };
  await registerHost(at, host.call(), { ...told, shimVersion: 'bench', engineVersion: '' });
  return host;
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

/** Three walks, until nothing is left of networks that have ended, less those over a table without them. */
async function clearingUse(at: Setting): Promise<Use> {
  const walks = async () => {
    const calls = counted(at);
    for (let i = 0; i < 3; i++) {
      at.world.advance(TOMBSTONE_LIFETIME_MS + 1);
      await calls.of(() =>
        withoutFailures(sweep(at, { deadline: Infinity, limit: 1_000_000, cursor: { ...FIRST_CURSOR, walkedAt: 0 } })),
      );
    }
    return calls.use;
  };
  // Each time they fence one silent host.
  const before = await walks();
  const host = await registered(at, 'i-00000000000000001');
  for (let i = 0; i < ENDED; i++) {
    const net = await host.pool();
    const held: string[] = [];
    for (let j = 0; j < CONTAINERS; j++) held.push(await host.address(net, '', withMac(`02:42:ac:11:00:0${j}`)));
    for (const address of held) await host.release(net, address);
    await host.leave(net);
  }
  const after = await walks();
  return {
    calls: 0,
    writes: (after.writes - before.writes) / ENDED,
    reads: (after.reads - before.reads) / ENDED,
    requests: (after.requests - before.requests) / ENDED,
  };
}

/** What a host asks when it compares that many networks of its own, each as its Docker has it (`FleetRecords`). */
export async function countLook(
  at: Setting,
  host: Host,
  networks: number,
): Promise<{ readonly use: Use; readonly costs: readonly Cost[] }> {
  const poolIds: string[] = [];
  for (let i = 0; i < networks; i++) {
    const net = await host.pool();
    for (let j = 0; j < CONTAINERS; j++) await host.address(net, '', withMac(`02:42:ac:11:00:0${j}`));
    poolIds.push(net.poolId);
  }
  const calls = counted(at);
  const known: string[] = [];
  for (let from = 0; from < networks; from += MAX_NETWORKS) {
    const some = poolIds.slice(from, from + MAX_NETWORKS);
    const { holdings } = await calls.of(() => beginningsOf(at, host.call(), some));
    known.push(...holdings.map(({ key }) => key));
  }
  await calls.of(() => networksOf(at, host.call(), { known }));
  return calls;
}

/** Adds up consecutive calls. */
function counted(at: Setting) {
  const use = { calls: 0, writes: 0, reads: 0, requests: 0 };
  const costs: Cost[] = [];
  return {
    use,
    costs,
    async of<T>(call: () => Promise<T>): Promise<T> {
      const { outcome, cost } = await at.meter.measure(call);
      if (outcome.status === 'rejected') throw outcome.reason;
      costs.push(cost);
      use.calls++;
      use.writes += cost.writeUnits;
      use.reads += cost.readUnits;
      use.requests += cost.requests;
      return outcome.value;
    },
  };
}
