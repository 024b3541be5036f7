/** What the models drive. Loaded a second time from a copy of the code when a guard is taken out. */
export { Refusal } from '../../functions/ipam/refusal.ts';
export { leavePool } from '../../functions/ipam/membership.ts';
export { releaseAddress } from '../../functions/ipam/release-address.ts';
export { releasePool } from '../../functions/ipam/release-pool.ts';
export { requestAddress } from '../../functions/ipam/request-address.ts';
export { requestPool } from '../../functions/ipam/request-pool.ts';
export { settleAddress, settlePool } from '../../functions/ipam/settle.ts';
export { freeOrphans } from '../../functions/ipam/orphans.ts';
export { MemoryStore } from '../support/memory-store.ts';
