/** A forged PoolID brings one generation to two subnets: pools stay disjoint, and within their limit. */
import { decodePoolId, encodePoolId } from '../../functions/ipam/pool-id.ts';
import type { Revival } from '../../functions/ipam/recovery/revive.ts';
import { issuePoolId } from '../../functions/ipam/trusted-pool-id.ts';
import { cidr } from '../support/addresses.ts';
import { together } from './actors.ts';
import { type Check, holds, violated } from './check.ts';
import { holdsAtMost, sound } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor, Model } from './simulation.ts';
import { own, sharing } from './stands.ts';

const POOL = '10.0.0.0/31';
const AROUND = '10.0.0.0/30';
const BEHIND = '10.0.0.2/31';
const MAX = 1;

const empty = { gateway: undefined, reserved: [], held: [], isLast: true };

/** A PoolID with a valid seal, as if a caller had the key or the table confirmed a forged PoolID. */
async function forged(me: Player, poolId: string, pool: string): Promise<Revival> {
  const { seal: _, ...id } = decodePoolId(me.deps.world, poolId, me);
  const forgery = { ...id, cidr: cidr(pool), ref: `${id.ref.slice(0, 8)}forged` };
  return { ...empty, poolId: await issuePoolId(me.deps, me, forgery) };
}

/** Revives another subnet under the generation of the pool that its host was a member of. */
const revives = (name: string, pool: string): Actor => ({
  name,
  play: async (me) => {
    const revival = await forged(me, own(me), pool);
    const revived = await me.revive(revival, me.call());
    if (revived?.state === 'live') await me.hold(revival.poolId);
  },
});

/** The same with a PoolID without a seal, which any caller can write. */
const makesUp: Actor = {
  name: 'a makes up',
  play: async (me) => {
    const { poolId, ...revival } = await forged(me, own(me), BEHIND);
    const { seal: _, ...id } = decodePoolId(me.deps.world, poolId, me);
    await me.revive({ ...revival, poolId: encodePoolId(me.deps.world, id, undefined) }, me.call());
  },
};

/** The pool exists, or all its networks have ended. */
const standing = sharing(POOL, ['a', 'b']);
async function gone(me: Player): Promise<void> {
  await standing(me);
  for (const host of ['a', 'b']) {
    me.giveUp(`${host} drops`);
    await me.leave(me.recall(host), me.call({ hostId: host }));
  }
}

const limited =
  (before: typeof gone) =>
  async (me: Player): Promise<void> => {
    await before(me);
    await me.deps.store.writeSpace('default', { maxPools: MAX }, undefined);
  };

const model = (before: typeof gone, faults: number, ...actors: readonly Actor[]): Model => ({
  ...together(before, faults, ...actors),
  finally: () => undefined,
});

const inside = model(standing, 0, revives('a revives around', AROUND));
const rivals = model(gone, 0, revives('a revives around', AROUND), revives('b revives', POOL));
const beyond: Model = { ...model(limited(standing), 0, revives('a revives behind', BEHIND)), always: holdsAtMost(MAX) };
const both: Model = {
  ...model(limited(gone), 0, revives('a revives', POOL), revives('b revives behind', BEHIND)),
  always: holdsAtMost(MAX),
};

const madeUp: Model = {
  ...model(standing, 0, makesUp),
  always: (state) => (state.memory.pools.size > 1 ? 'there is a pool that was given to no host' : sound(state)),
};

const BY_GENERATION = 'if (other.generation === pool.generation) continue;';
const blind = (within: string) => ({ within, find: 'if (isSamePool(other, pool)) continue;', replace: BY_GENERATION });

export const forgeries: readonly Check[] = [
  holds('a pool revived under the generation of another subnet overlaps no pool', [inside, rivals]),
  holds('a pool revived under the generation of another subnet counts as a pool of its own', [beyond, both]),
  holds('a PoolID without a seal creates nothing that the table does not confirm', [madeUp]),
  violated('fails when a PoolID is believed without a seal', [madeUp], /a pool that was given to no host/, [
    {
      within: 'openPoolId',
      find: 'return isGenuine ? id : confirm(deps, call, id);',
      replace: 'return isGenuine || confirm.length > 0 ? id : undefined;',
    },
  ]),
  violated('fails when rivals are distinguished by their generation alone', [inside, rivals], /pools overlap/, [
    blind('lookForward'),
  ]),
  violated('fails when two rivals of one generation do not see each other', [rivals], /pools overlap/, [
    blind('lookForward'),
  ]),
  violated('fails when pools of one generation count as one', [beyond, both], /the space holds 2 pools/, [
    blind('countOthers'),
  ]),
  violated('fails when a network is revived past the limit of its space', [beyond], /the space holds 2 pools/, [
    {
      within: 'recreate',
      find: 'maxPools: config.maxPools,',
      replace: 'maxPools: undefined,',
    },
  ]),
];
