/** ReleasePool: ends a network's reference, and all that it holds with it. */
import { freeUnkept, keptBy } from '../addresses/reservation.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { refuseFormers } from '../ref-check.ts';
import type { Ref } from '../ref.ts';
import { openPoolId } from '../trusted-pool-id.ts';
import { leavePool } from './membership.ts';
import type { PoolDeps } from './memory.ts';

/** Also succeeds when the network was released before: Docker repeats a release whose outcome it does not know. */
export async function releasePool(deps: PoolDeps, call: Call, poolId: string): Promise<void> {
  const id = await openPoolId(deps, poolId, call);
  if (id === undefined) return;
  await refuseFormers(deps, id, call);
  const { generation, ref: name, space, cidr } = id;
  const livesOn = await endNetwork(deps, call, { generation, name, space, cidr });
  if (!livesOn) deps.memory.surveys.forget(space);
}

/**
 * Ends a reference. If others keep the pool alive, it frees what only this network had reserved.
 *
 * @returns whether others keep the pool alive.
 */
export async function endNetwork(
  deps: Deps,
  call: Call,
  network: Pick<Ref, 'generation' | 'name' | 'space' | 'cidr'>,
): Promise<boolean> {
  const ref = await deps.store.readRef(network.generation, network.name);
  const livesOn = await leavePool(deps, network);
  if (livesOn && ref !== undefined) await freeUnkept(deps, call, ref, keptBy(ref));
  return livesOn;
}
