/** Actors and starting states for models of hosts that revive networks that were given up. */
import { LEASE_MS } from '../../functions/ipam/host.ts';
import type { Revival } from '../../functions/ipam/recovery/revive.ts';
import { ip } from '../support/addresses.ts';
import { HOURS, ends } from './actors.ts';
import { fencing, isFenced, registers, returnHome } from './hosts.ts';
import { networkOf } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor } from './simulation.ts';
import { MAC, OTHER_MAC, own, sharing } from './stands.ts';

const POOL = '10.0.0.0/31';
export const LEASED = '10.0.0.0';
const GATEWAY = '10.0.0.1';
const EPOCH = 2;

/** Some hosts share a pool; `a` has a lease in it, is fenced, and its address may go to another host. */
export const asleep =
  (hosts: readonly string[]) =>
  async (me: Player): Promise<void> => {
    await sharing(POOL, hosts)(me);
    await me.address(me.recall('a'), LEASED, MAC, me.call({ hostId: 'a' }));
    me.giveUp('a drops');
    await registers(me);
    await isFenced(me);
  };

/** It has returned. A function ended its network in the meantime, and did nothing else. */
export const givenUp =
  (hosts: readonly string[]) =>
  async (me: Player): Promise<void> => {
    await asleep(hosts)(me);
    await ends(me);
    await returnHome(me, { hostId: 'a' });
  };

/** The same, and the pool is gone. */
export async function lost(me: Player): Promise<void> {
  await givenUp(['a'])(me);
  const { items } = await me.deps.store.poolsStartingIn('default', { family: 4, first: 0n, last: 2n ** 32n - 1n });
  for (const pool of items) await me.deps.store.removePool(pool);
}

/** The same with another host on the pool, and the leases have been freed. */
async function freed(me: Player): Promise<void> {
  await givenUp(['a', 'b'])(me);
  const { generation, ref } = networkOf(me.recall('a'));
  const ended = await me.deps.store.readRef(generation, ref);
  if (ended === undefined) throw new Error('there is no tombstone');
  await me.stage.rules.freeOrphans(me.deps, me.call(), [ended]);
}

/** The same, and it has begun to revive its network, but has not yet listed its leases. */
export async function halfway(me: Player): Promise<void> {
  await freed(me);
  await me.revive({ ...revival(me.recall('a')), held: [], isLast: false }, me.call({ hostId: 'a', epoch: EPOCH }));
}

/** The leases have been freed, and the tombstone is gone. */
export async function forgotten(me: Player): Promise<void> {
  await freed(me);
  const { generation, ref } = networkOf(me.recall('a'));
  await me.deps.store.removeTombstone(generation, ref);
}

const revival = (poolId: string): Revival => ({
  poolId,
  gateway: undefined,
  reserved: [],
  isLast: true,
  held: [{ address: ip(LEASED), mac: '02:42:0a:00:00:01', name: '' }],
});

/** Holds what the answer says is its own again. */
async function takeUp(me: Player, epoch = EPOCH): Promise<void> {
  const revived = await me.revive(revival(own(me)), me.call({ epoch }));
  if (revived?.state === 'live') await holdAgain(me, revived.taken.length === 0);
}

/** Unless dockerd has removed it in the meantime. */
async function holdAgain(me: Player, withLease: boolean): Promise<void> {
  const { notes } = me.stage;
  if (notes.has('removed') || notes.has('has')) return;
  me.remember('has', '');
  await me.hold(own(me));
  if (withLease && !notes.has('removed')) await me.hold(own(me), LEASED);
}

export const revives = (name: string): Actor => ({
  name,
  play: (me) => takeUp(me),
});

/** Sends the first of several messages: the network has no other address, and keeps two. */
export const begins: Actor = {
  name: 'a begins to revive',
  play: async (me) => {
    const kept = { gateway: ip(GATEWAY), reserved: [ip(LEASED)], held: [], isLast: false };
    const revived = await me.revive({ ...revival(own(me)), ...kept }, me.call({ epoch: EPOCH }));
    if (revived !== undefined) await holdAgain(me, false);
  },
};

/** An attempt whose caller no longer waits. */
export const attempts: Actor = {
  name: 'a attempts',
  play: async (me) => {
    await me.revive(revival(own(me)), me.call({ epoch: EPOCH }));
  },
};

/** Uses its network again if that is awake; revives it if it has ended. */
export const returns: Actor = {
  name: 'a returns',
  play: async (me) => {
    await me.wait(0);
    const epoch = await returnHome(me);
    const { generation, ref } = networkOf(own(me));
    const network = await me.deps.store.readRef(generation, ref);
    if (network?.state === 'gone' || network?.state === 'reviving') await takeUp(me, epoch);
    else if (network?.state === 'live' && network.epoch === epoch) await holdAgain(me, true);
  },
};

/** Another attempt of the revival is answered first, and dockerd gives the address to another endpoint. */
export const goesOn: Actor = {
  name: 'a goes on',
  play: async (me) => {
    const revived = await me.revive(revival(own(me)), me.call({ epoch: EPOCH }));
    if (revived?.state !== 'live') return;
    me.remember('has', '');
    await me.hold(own(me));
    await me.release(own(me), LEASED, me.call({ epoch: EPOCH }));
    const given = await me.address(own(me), LEASED, OTHER_MAC, me.call({ epoch: EPOCH }));
    if (given !== undefined) await me.hold(own(me), given);
  },
};

/** dockerd removes the network. */
export const removes: Actor = {
  name: 'a removes',
  play: async (me) => {
    me.remember('removed', '');
    const { holdings } = me.stage;
    for (const holding of holdings) if (holding.poolId === own(me)) holdings.delete(holding);
    await me.leave(own(me));
  },
};

/** The shim's comparison finds a network that dockerd does not have, and releases it. */
export const comparing: Actor = {
  name: 'a compares',
  afterwards: true,
  ahead: HOURS,
  play: async (me) => {
    const { notes } = me.stage;
    if (notes.has('removed') || !notes.has('has')) await me.leave(own(me));
  },
};

export const fences: Actor = { ...fencing('fence'), ahead: LEASE_MS };
