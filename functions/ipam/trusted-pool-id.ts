/**
 * When a PoolID is trusted. Any caller of the functions can write one, so it gives no right by itself: either it has the
 * seal that only the functions can make, or the table confirms what it says.
 */
import { formatCidr, sameCidr } from '../../protocol/address.ts';
import { allSettledOrThrow } from './all-settled.ts';
import type { Call } from './call.ts';
import type { Deps } from './deps.ts';
import { type PoolId, decodePoolId, encodePoolId, othersPool, sealedText } from './pool-id.ts';
import type { Pool } from './pool.ts';
import type { Ref } from './ref.ts';
import { Refusal } from './refusal.ts';
import { MAX_COOLDOWN_MS } from './space.ts';

type Caller = Pick<Call, 'hostId'>;

/** Issues a PoolID for one host. It is trusted even when the table no longer knows its network. */
export const issuePoolId = async ({ store, world }: Deps, { hostId }: Caller, id: PoolId): Promise<string> =>
  encodePoolId(world, id, await store.seal(sealedText(id, hostId)));

/**
 * Reads a PoolID. With the right seal it is trusted as it is, without a read of the table. Without one (it is of the
 * first version, or the table's key was lost) it is trusted as far as the table confirms it.
 *
 * @returns `undefined`: it is not sealed, and the table does not know its network, so that nothing of it is left.
 * @throws Refusal `foreign-pool` when it is not one of ours, is damaged, or contradicts the table. `newer-format`.
 */
export async function openPoolId(deps: Deps, text: string, call: Caller): Promise<PoolId | undefined> {
  const { seal, ...id } = decodePoolId(deps.world, text, call);
  const isGenuine = seal !== undefined && (await deps.store.isSeal(sealedText(id, call.hostId), seal));
  return isGenuine ? id : confirm(deps, call, id);
}

/** The same, for a caller that needs the network. @throws Refusal also `pool-gone`. */
export async function demandPoolId(deps: Deps, text: string, call: Caller): Promise<PoolId> {
  const id = await openPoolId(deps, text, call);
  if (id !== undefined) return id;
  const { cidr, space } = decodePoolId(deps.world, text, call);
  throw new Refusal(
    'pool-gone',
    "address space does not contain specified address pool: the table no longer knows this network's share of " +
      `${formatCidr(cidr)} of space ${space}, and its pool id does not prove that Berth issued it (it is of an early ` +
      'version, or its key was lost); remove the network (docker network rm) and create it again',
  );
}

async function confirm({ store }: Deps, call: Caller, id: PoolId): Promise<PoolId | undefined> {
  const { generation, ref: name, space, cidr } = id;
  const [ref, pool] = await allSettledOrThrow([store.readRef(generation, name), store.readPool(space, cidr)]);
  if (ref === undefined) return undefined;
  if (ref.hostId !== call.hostId) throw othersPool(id, call);
  if (!isOf(ref, id)) {
    throw new Refusal('foreign-pool', `invalid pool id: it does not name the pool that ${name} refers to`);
  }
  return { ...id, cooldown: cooldownIn(pool, id) };
}

const isOf = (ref: Ref, { space, cidr, subPool }: PoolId): boolean =>
  ref.space === space &&
  sameCidr(ref.cidr, cidr) &&
  (ref.subPool === undefined ? subPool === undefined : subPool !== undefined && sameCidr(ref.subPool, subPool));

/** The pool says how long its addresses rest. If it is gone, none of its addresses rests. */
const cooldownIn = (pool: Pool | undefined, { generation, cooldown }: PoolId): number =>
  Math.min(pool?.generation === generation ? pool.cooldown : cooldown, MAX_COOLDOWN_MS);
