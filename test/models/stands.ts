/** The starting state of models of addresses: hosts that share a pool. */
import type { Player } from './player.ts';

export const MAC = { 'com.docker.network.endpoint.macaddress': '02:42:0a:00:00:01' };
export const OTHER_MAC = { 'com.docker.network.endpoint.macaddress': '02:42:0a:00:00:02' };

/** Each of some hosts has a network on one pool. */
export const sharing =
  (pool: string, hosts: readonly string[], options: Readonly<Record<string, string>> = {}) =>
  async (me: Player): Promise<void> => {
    for (const hostId of hosts) {
      const net = await me.pool({ pool, options }, me.call({ hostId }));
      if (net === undefined) throw new Error('the model starts without a pool');
      me.remember(hostId, net.poolId);
      me.remember(`${hostId} drops`, await me.hold(net.poolId));
    }
    // The call is older than all calls of the actors.
    me.remember('key', me.call().requestKey);
  };

/** The PoolID of an actor's host. */
export const own = (me: Player): string => me.recall(me.hostId);

/** A host releases its network. */
export async function leave(me: Player): Promise<void> {
  me.giveUp(`${me.hostId} drops`);
  await me.leave(own(me));
}

/** Host `a` gets a lease, and holds it. */
export async function leases(me: Player, address: string): Promise<void> {
  const given = await me.address(me.recall('a'), address, MAC, me.call({ hostId: 'a' }));
  if (given === undefined) throw new Error('there is no lease');
  me.remember('leased', address);
  me.remember('a drops its lease', await me.hold(me.recall('a'), address));
}
