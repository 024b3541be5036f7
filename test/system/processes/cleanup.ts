/**
 * Cleans up for hosts that will not return: settles each call with an unknown outcome, then releases all that they held.
 */
import { releaseAddress } from '../../../functions/ipam/addresses/release-address.ts';
import type { Call } from '../../../functions/ipam/call.ts';
import type { Deps } from '../../../functions/ipam/deps.ts';
import type { PoolDeps } from '../../../functions/ipam/pools/memory.ts';
import { releasePool } from '../../../functions/ipam/pools/release-pool.ts';
import { settleAddress, settlePool } from '../../../functions/ipam/recovery/settle.ts';
import { SEQUENCE_WIDTH, sequenceOf } from '../../../protocol/request-key.ts';
import { holdingsOf, sharesOf, unknownIn } from './claims.ts';
import type { Operation } from './history.ts';

const DEADLINE = 20_000;

export async function cleanUp(deps: PoolDeps, history: readonly Operation[]): Promise<void> {
  for (const operation of unknownIn(history)) await settle(deps, callAfter(deps, history, operation.hostId), operation);
  for (const { request, address, release } of holdingsOf(history)) {
    if (release !== undefined) continue;
    const call = callAfter(deps, history, request.hostId);
    await releaseAddress(deps, call, { poolId: request.message.PoolID, address });
  }
  for (const { hostId, poolId, release } of sharesOf(history)) {
    if (release === undefined) await releasePool(deps, callAfter(deps, history, hostId), poolId);
  }
}

/** Undoes requests and repeats releases. */
async function settle(deps: PoolDeps, call: Call, { method, requestKey, message }: Operation): Promise<void> {
  const { PoolID: poolId, Address: address, Options: options } = message;
  switch (method) {
    case 'RequestPool':
      await settlePool(deps, call, { requestKey, keep: undefined });
      return;
    case 'RequestAddress':
      await settleAddress(deps, call, { requestKey, poolId, address, options, keep: undefined });
      return;
    case 'ReleaseAddress':
      await releaseAddress(deps, call, { poolId, address });
      return;
    case 'ReleasePool':
      await releasePool(deps, call, poolId);
  }
}

/** A call in the name of a host, later than all that it ever sent. */
export function callAfter({ world }: Deps, history: readonly Operation[], hostId: string): Call {
  const sent = history.filter((operation) => operation.hostId === hostId);
  const last = Math.max(0, ...sent.map(({ requestKey }) => parseInt(sequenceOf(requestKey), 36)));
  const sequence = Math.max(last + 1, world.now());
  return {
    hostId,
    epoch: 1,
    driver: 'berth',
    requestKey: sequence.toString(36).padStart(SEQUENCE_WIDTH, '0') + world.random(4),
    attempt: 1,
    deadline: world.now() + DEADLINE,
  };
}
