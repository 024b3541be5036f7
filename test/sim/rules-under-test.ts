/** What the models drive. Loaded a second time from a copy of the code when a guard is taken out. */
export { Refusal } from '../../functions/ipam/refusal.ts';
export { leavePool } from '../../functions/ipam/membership.ts';
export { releaseAddress } from '../../functions/ipam/release-address.ts';
export { releasePool } from '../../functions/ipam/release-pool.ts';
export { requestAddress } from '../../functions/ipam/request-address.ts';
export { requestPool } from '../../functions/ipam/request-pool.ts';
export { settleAddress, settlePool } from '../../functions/ipam/settle.ts';
export { freeOrphans } from '../../functions/ipam/orphans.ts';
export { registerHost } from '../../functions/ipam/host-life.ts';
export { fenceHost } from '../../functions/ipam/fence.ts';
export { adoptHost, resumeHost } from '../../functions/ipam/adoption.ts';
export { buryHost, drainHost, reportDeath, reportDrain } from '../../functions/ipam/death.ts';
export { sweep } from '../../functions/ipam/sweep.ts';
export { reviveNetwork } from '../../functions/ipam/revival.ts';
export { forget } from '../../functions/ipam/sweep-hosts.ts';
export { sweepChunks, sweepPool, sweepTombstones } from '../../functions/ipam/sweep-items.ts';
export { MemoryStore } from '../support/memory-store.ts';
