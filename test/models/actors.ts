/** What hosts and sweeps do in the models: the actors that several models share. */
import { emptyReport } from '../../functions/ipam/sweep/report.ts';
import type { PoolWish } from '../support/fleet.ts';
import { withoutFailures } from '../support/whole-sweep.ts';
import { LONG_AFTER } from './hosts.ts';
import { networkOf, nothingLeaks, sound } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor, Model } from './simulation.ts';
import { MAC, leave, own } from './stands.ts';

/** A function ended the network of a host, and did nothing else. */
export async function ends(me: Player, hostId = 'a'): Promise<void> {
  const { generation, ref } = networkOf(me.recall(hostId));
  await me.deps.store.endRef(generation, ref, me.deps.world.now());
}

/** ms: by then a sweep removes tombstones. */
export const HOURS = 2 * 3_600_000;

/** A model that is sound in every state, and in which nothing leaks in the end. */
export const together = (before: Model['before'], faults: number, ...actors: readonly Actor[]): Model => ({
  name: actors.map(({ name }) => name).join(', '),
  ...(before !== undefined && { before }),
  actors,
  faults,
  always: sound,
  finally: nothingLeaks,
});

const wishOf = (pool: string | PoolWish): PoolWish => (typeof pool === 'string' ? { pool } : pool);

/** Asks for a pool, and keeps it. @param ahead ms by which its clock is ahead. */
export const asks = (name: string, pool: string | PoolWish, ahead = 0): Actor => ({
  name,
  ahead,
  play: async (me) => {
    const net = await me.pool(wishOf(pool));
    if (net !== undefined) await me.hold(net.poolId);
  },
});

/** Asks for a pool, holds it for a while and releases it. */
export const visits = (name: string, pool: string | PoolWish): Actor => ({
  name,
  play: async (me) => {
    const net = await me.pool(wishOf(pool));
    if (net === undefined) return;
    const drop = await me.hold(net.poolId);
    drop();
    await me.leave(net.poolId);
  },
});

export const leaves = (name: string): Actor => ({ name, play: leave });

/** Waits until the cool-down of every address that was freed before is over. */
export const time: Actor = { name: 'time', play: (me) => me.wait(60_000) };

/** Takes an address for good. */
export const takes = (name: string, wish = '', options = MAC): Actor => ({
  name,
  play: async (me) => {
    const given = await me.address(own(me), wish, options);
    if (given !== undefined) await me.hold(own(me), given);
  },
});

/** Takes an address, keeps it for a while, and gives it back. */
export const uses = (name: string, wish = '', options = MAC): Actor => ({
  name,
  play: async (me) => {
    await useAddress(me, { wish, options });
  },
});

interface Use {
  readonly wish?: string;
  readonly options?: typeof MAC;
  readonly call?: ReturnType<Player['call']>;
}

/** @returns the address that the host had for a while and has released. `undefined`: it was refused. */
export async function useAddress(me: Player, { wish = '', options = MAC, call }: Use): Promise<string | undefined> {
  const given = await me.address(own(me), wish, options, call);
  if (given === undefined) return undefined;
  const drop = await me.hold(own(me), given);
  drop();
  await me.release(own(me), given);
  return given;
}

/** Asks for an address, and does not wait for the answer: a late attempt of an earlier call. */
export const claims = (name: string, wish = '', options: Readonly<Record<string, string>> = MAC): Actor => ({
  name,
  play: async (me) => {
    await me.address(own(me), wish, options);
  },
});

export const sweeping = (name: string, afterwards = true): Actor => ({
  name,
  afterwards,
  ahead: HOURS,
  play: async (me) => {
    await withoutFailures(me.stage.rules.sweep(me.deps, { deadline: Infinity, limit: 100, cursor: undefined }));
  },
});

/** Sweeps the chunks of the pool of host `a`. @param isAgain the walk has met the pool before, and knows its references. */
export const sweepsChunks = (name: string, isAgain = false): Actor => ({
  name,
  play: async (me) => {
    const { generation } = networkOf(me.recall('a'));
    const owners = new Map(isAgain ? [[generation, (await me.deps.store.refsOf(generation)).items]] : []);
    const chunks = await me.deps.store.readChunks(generation, 0n, 0n);
    await me.stage.rules.sweepChunks(me.deps, generation, chunks, {
      deadline: Infinity,
      report: emptyReport(),
      owners,
    });
  },
});

/** Sweeps the tombstones of the pool of host `a`. */
export const sweepsTombstones = (name: string): Actor => ({
  name,
  play: async (me) => {
    const { items } = await me.deps.store.refsOf(networkOf(me.recall('a')).generation);
    await me.stage.rules.sweepTombstones(me.deps, items, { deadline: Infinity, report: emptyReport() });
  },
});

/** Host `a` is forgotten, long after it fell silent. */
export const forgets: Actor = {
  name: 'sweep',
  ahead: LONG_AFTER,
  play: async (me) => {
    const { generation, ref } = networkOf(me.recall('a'));
    const host = await me.deps.store.readHost('a');
    const network = await me.deps.store.readRef(generation, ref);
    if (host !== undefined && network !== undefined) await me.stage.rules.forget(me.deps, host, network);
  },
};
