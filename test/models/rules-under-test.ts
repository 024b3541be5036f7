/** The code that the models run. It is loaded a second time from a copy of the code when a guard is taken out. */
export { Refusal } from '../../functions/ipam/refusal.ts';
export { leavePool } from '../../functions/ipam/pools/membership.ts';
export { releaseAddress } from '../../functions/ipam/addresses/release-address.ts';
export { PoolMemory } from '../../functions/ipam/pools/memory.ts';
export { releasePool } from '../../functions/ipam/pools/release-pool.ts';
export { requestAddress } from '../../functions/ipam/addresses/request-address.ts';
export { requestPool } from '../../functions/ipam/pools/request-pool.ts';
export { settleAddress, settlePool } from '../../functions/ipam/recovery/settle.ts';
export { freeOrphans } from '../../functions/ipam/addresses/orphans.ts';
export { registerHost } from '../../functions/ipam/hosts/register.ts';
export { fenceHost } from '../../functions/ipam/hosts/fence.ts';
export { adoptHost, resumeHost } from '../../functions/ipam/hosts/operator-actions.ts';
export {
  declareDead,
  drainHost,
  reclaimHost,
  reportDeath,
  reportDrain,
} from '../../functions/ipam/hosts/host-events.ts';
export { sweep } from '../../functions/ipam/sweep/sweep.ts';
export { holdingsOf, networksOf } from '../../functions/ipam/recovery/holdings.ts';
export { reviveNetwork } from '../../functions/ipam/recovery/revive.ts';
export { forget } from '../../functions/ipam/sweep/hosts.ts';
export { sweepChunks, sweepPool, sweepTombstones } from '../../functions/ipam/sweep/items.ts';
export { MemoryStore } from '../support/memory-store.ts';
