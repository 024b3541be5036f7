/** ReleasePool: ends a network's reference, and all that it holds with it. */
import type { Call } from './call.ts';
import type { Deps } from './deps.ts';
import { leavePool } from './membership.ts';
import { decodePoolId } from './pool-id.ts';
import { freeUnkept, keptBy } from './reservation.ts';

/**
 * Succeeds also when the network was released before: Docker repeats a release that it is not sure of. Where others keep
 * the pool alive, what this network alone had reserved is free again.
 */
export async function releasePool(deps: Deps, call: Call, poolId: string): Promise<void> {
  const { generation, ref: name, space, cidr } = decodePoolId(deps.world, poolId, call);
  const ref = await deps.store.readRef(generation, name);
  const livesOn = await leavePool(deps, { generation, name, space, cidr });
  if (livesOn && ref !== undefined) await freeUnkept(deps, call, ref, keptBy(ref));
}
