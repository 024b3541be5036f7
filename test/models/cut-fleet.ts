/** What the hosts of an operation that is cut off do before it, and after it. */
import type { Host } from '../../functions/ipam/host.ts';
import type { SweepCursor } from '../../functions/ipam/sweep-cursor.ts';
import { OPS, withMac } from '../support/fleet.ts';
import { withoutFailures } from '../support/whole-sweep.ts';
import type { Scene } from './cut.ts';
import { networkOf, nothingLeaks, sound } from './invariants.ts';
import type { State } from './simulation.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
/** A pool that several hosts share. */
export const SHARED = '10.1.0.0/24';

/** Nothing is lost, and nothing is left over. */
export const isClean = (state: State): string | undefined => sound(state) ?? nothingLeaks(state);

/** A heartbeat, or the registration of a host that returns. @returns whether it is to register again at once. */
export async function registers({ rules, deps, memory, host }: Scene, id: string): Promise<boolean> {
  const incarnation = memory.hosts.get(id)?.incarnation;
  const registration = {
    principal: OPS,
    incarnation,
    proposed: incarnation ?? id,
    shimVersion: '1',
    engineVersion: '',
  };
  return (await rules.registerHost(deps, host(id).call(), registration)).isWaking;
}

export async function returns(scene: Scene, id = 'a'): Promise<void> {
  while (await registers(scene, id));
}

export const macOf = (endpoint: number): string => `02:00:00:00:00:${endpoint.toString(16).padStart(2, '0')}`;

/** A host creates a network and uses it: both must stay. @returns its PoolID. */
export async function uses({ host, holdings }: Scene, id: string, { pool = SHARED, leases = 2 } = {}): Promise<string> {
  const epoch = 1;
  const net = await host(id).pool({ pool }, host(id).call({ epoch }));
  holdings.add({ poolId: net.poolId, address: undefined });
  for (let n = 0; n < leases; n++) {
    holdings.add({ poolId: net.poolId, address: await host(id).address(net, '', withMac(macOf(n))) });
  }
  return net.poolId;
}

/** The host no longer uses the network: it may go. */
export function giveUp({ holdings }: Scene, poolId: string): void {
  for (const holding of holdings) if (holding.poolId === poolId) holdings.delete(holding);
}

export async function changeHost({ memory }: Scene, id: string, changes: Partial<Host>): Promise<void> {
  const host = memory.hosts.get(id);
  if (host === undefined) throw new Error(`host ${id} does not exist`);
  await memory.writeHost({ ...host, ...changes }, host);
}

/** A function ended a network of a host, and did nothing else. */
export async function drops(scene: Scene, poolId: string): Promise<void> {
  giveUp(scene, poolId);
  const { generation, ref } = networkOf(poolId);
  await scene.memory.endRef(generation, ref, scene.deps.world.now());
}

/** The same, and its tombstone is gone. */
export async function vanishes(scene: Scene, poolId: string): Promise<void> {
  await drops(scene, poolId);
  const { generation, ref } = networkOf(poolId);
  await scene.memory.removeTombstone(generation, ref);
}

/** Runs sweeps as the function does, until all hosts and items have been visited. */
export const sweepsAll =
  (limit: number) =>
  async ({ rules, deps }: Scene): Promise<void> => {
    for (;;) {
      const cursor = await deps.store.readSweep();
      const save = (at: SweepCursor) => deps.store.writeSweep(at);
      const { cursor: next } = await withoutFailures(rules.sweep(deps, { deadline: Infinity, limit, cursor, save }));
      if (next.walkedAt === deps.world.now() && next.shard === 0 && next.host === undefined) return;
    }
  };
