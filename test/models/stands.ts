/** How models of addresses begin: hosts that share a pool. */
import type { Player } from './player.ts';

export const MAC = { 'com.docker.network.endpoint.macaddress': '02:42:0a:00:00:01' };
export const OTHER_MAC = { 'com.docker.network.endpoint.macaddress': '02:42:0a:00:00:02' };

/** Each of some hosts has a network on one pool. */
export const sharing =
  (pool: string, hosts: readonly string[], options: Readonly<Record<string, string>> = {}) =>
  async (me: Player): Promise<void> => {
    for (const hostId of hosts) {
      const net = await me.pool({ pool, options }, me.call({ hostId }));
      if (net === undefined) throw new Error('there is no pool to begin with');
      me.remember(hostId, net.poolId);
      me.remember(`${hostId} drops`, await me.hold(net.poolId));
    }
    // Of a call that is older than all that the actors ask for.
    me.remember('key', me.call().requestKey);
  };

/** The PoolID of an actor's host. */
export const own = (me: Player): string => me.recall(me.hostId);

/** A host gives its network up. */
export async function leave(me: Player): Promise<void> {
  me.giveUp(`${me.hostId} drops`);
  await me.leave(own(me));
}
