/** ReleasePool: ends a network's reference, and all that it holds with it. */
import type { Call } from './call.ts';
import type { Deps } from './deps.ts';
import { leavePool } from './membership.ts';
import { decodePoolId } from './pool-id.ts';

/** Succeeds also when the network was released before: Docker repeats a release that it is not sure of. */
export async function releasePool(deps: Deps, call: Call, poolId: string): Promise<void> {
  const { generation, ref: name, space, cidr } = decodePoolId(deps.world, poolId, call);
  await leavePool(deps, { generation, name, space, cidr });
}
