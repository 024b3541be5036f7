/** Pools whose subnet the request names (`--subnet`). Hosts that name the same one share it. */
import { type Cidr, formatCidr } from '../../../protocol/address.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { type Pool, hasExpired } from '../pool.ts';
import { Refusal } from '../refusal.ts';
import { pauseWithJitter } from '../world.ts';
import { type CreateOutcome, createPool } from './create-pool.ts';
import { joinPool } from './membership.ts';
import type { Grant, PoolPlan } from './plan.ts';

/** ms between two reads of a pool that another call is about to confirm. */
const POLL_PAUSE_MS = 40;

/**
 * The pool of a given CIDR: a new one, or the existing one, which is how a thousand hosts share one subnet.
 *
 * @throws Refusal `pool-overlap` when another pool overlaps, or either side wants it exclusively, `limit-reached` when the
 * space does not allow such a pool, and no existing one can be joined.
 */
export async function createExplicitPool(deps: Deps, call: Call, plan: PoolPlan, cidr: Cidr): Promise<Grant> {
  const unwanted = plan.whyUnwanted(cidr);
  while (deps.world.now() < call.deadline) {
    if (unwanted !== undefined && (await deps.store.readPool(plan.space, cidr)) === undefined) throw unwanted;
    const birth = await createPool(deps, call, plan, cidr);
    const grant = await settleBirth(deps, call, plan, birth);
    if (grant !== undefined) return grant;
    await pauseWithJitter(deps.world, POLL_PAUSE_MS);
  }
  throw new Refusal('busy', `${formatCidr(cidr)} is being created or removed by others; try again`);
}

/** @returns `undefined`: start over. */
async function settleBirth(deps: Deps, call: Call, plan: PoolPlan, birth: CreateOutcome): Promise<Grant | undefined> {
  switch (birth.kind) {
    case 'born':
      return birth;
    case 'lost':
      if (birth.to !== undefined) await awaitConfirmation(deps, call, birth.to);
      return undefined;
    case 'overlaps':
      throw new Refusal(
        'pool-overlap',
        `Pool overlaps with other one on this address space: ${formatCidr(birth.pool.cidr)} ` +
          `(space ${birth.pool.space}, created by host ${birth.pool.createdBy})`,
      );
    case 'standing':
      return joinStanding(deps, call, plan, birth.pool);
  }
}

/** @returns `undefined` when the pool has ended in the meantime: start over. */
export async function joinStanding(deps: Deps, call: Call, plan: PoolPlan, seen: Pool): Promise<Grant | undefined> {
  const standing = seen.state === 'pending' ? await awaitConfirmation(deps, call, seen) : seen;
  if (standing === undefined) return undefined;
  plan.refuseContradiction(standing);
  const ref = plan.refOf(standing);
  const pool = await joinPool(deps, call, ref);
  return pool === undefined ? undefined : { pool, ref };
}

/** Waits until the announcement of another call is confirmed; one that has timed out is removed. */
async function awaitConfirmation(deps: Deps, call: Call, announced: Pool): Promise<Pool | undefined> {
  const { store, world } = deps;
  while (world.now() < call.deadline) {
    const pool = await store.readPool(announced.space, announced.cidr);
    if (pool === undefined) return undefined;
    if (pool.state !== 'pending') return pool;
    if (hasExpired(pool, world.now())) {
      await store.removePool(pool);
      return undefined;
    }
    await pauseWithJitter(world, POLL_PAUSE_MS);
  }
  return undefined;
}
