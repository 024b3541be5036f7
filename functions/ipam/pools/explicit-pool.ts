/** Pools that are shared by agreement: by their CIDR, or by a name. */
import { type Cidr, type Family, type Range, cidrRange, formatCidr, rangesOverlap } from '../address.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { type Pool, hasExpired } from '../pool.ts';
import { Refusal } from '../refusal.ts';
import { pauseWithJitter } from '../world.ts';
import { type Birth, bearPool } from './create-pool.ts';
import { joinPool, leavePool, orLeave } from './membership.ts';
import type { PoolOptions } from './options.ts';
import { type Grant, type PoolPlan, refuseContradiction } from './plan.ts';

/** ms between two looks at a pool that somebody else is about to confirm. */
const POLL_PAUSE = 40;

/**
 * The pool of a given CIDR: a new one, or the one that stands there already, which is how a thousand hosts share one
 * subnet.
 *
 * @throws Refusal `pool-overlap` when another pool overlaps, or either side wants it for itself, `limit-reached` when the
 * space gives none such and there is none to join.
 */
export async function createGivenPool(
  deps: Deps,
  call: Call,
  plan: PoolPlan,
  cidr: Cidr,
  options: PoolOptions,
): Promise<Grant> {
  const unwanted = plan.whyUnwanted(cidr);
  while (deps.world.now() < call.deadline) {
    if (unwanted !== undefined && (await deps.store.readPool(plan.space, cidr)) === undefined) throw unwanted;
    const birth = await bearPool(deps, call, plan, cidr);
    const grant = await settleBirth(deps, call, plan, birth, options);
    if (grant !== undefined) return grant;
    await pauseWithJitter(deps.world, POLL_PAUSE);
  }
  throw new Refusal('busy', `${formatCidr(cidr)} is being created or removed by others: try again`);
}

/** @returns `undefined`: start over. */
async function settleBirth(
  deps: Deps,
  call: Call,
  plan: PoolPlan,
  birth: Birth,
  options: PoolOptions,
): Promise<Grant | undefined> {
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
      return joinStanding(deps, call, plan, birth.pool, options);
  }
}

/** @returns `undefined` when the pool ended meanwhile: start over. */
async function joinStanding(
  deps: Deps,
  call: Call,
  plan: PoolPlan,
  seen: Pool,
  options: PoolOptions,
): Promise<Grant | undefined> {
  const standing = seen.state === 'pending' ? await awaitConfirmation(deps, call, seen) : seen;
  if (standing === undefined) return undefined;
  refuseContradiction(standing, options);
  const ref = plan.refOf(standing);
  const pool = await joinPool(deps, call, ref);
  return pool === undefined ? undefined : { pool, ref };
}

/** Waits for somebody else's announcement to be confirmed; one that has timed out is cleared away. */
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
    await pauseWithJitter(world, POLL_PAUSE);
  }
  return undefined;
}

export interface NamedWish {
  readonly name: string;
  readonly family: Family;
  readonly size: number | undefined;
  /** What the host reaches already. */
  readonly avoid: readonly Range[];
}

/**
 * The automatic pool that a name stands for. The first host to ask creates it; of several at once one sets the name, the
 * others leave the pools that they made and join.
 */
export async function joinNamedPool(
  deps: Deps,
  call: Call,
  plan: PoolPlan,
  wanted: NamedWish,
  options: PoolOptions,
  createPool: () => Promise<Grant>,
): Promise<Grant> {
  const { store, world } = deps;
  while (world.now() < call.deadline) {
    const seen = await store.readPoolName(plan.space, wanted.family, wanted.name);
    const standing = seen && (await store.readPool(plan.space, seen.cidr));
    if (standing !== undefined && standing.generation === seen?.generation) {
      refuseOtherSize(standing, wanted);
      refuseReached(standing, wanted);
      const grant = await joinStanding(deps, call, plan, standing, options);
      if (grant !== undefined) return grant;
      continue;
    }
    const grant = await createPool();
    const { cidr, generation } = grant.pool;
    const name = { cidr, generation };
    const isSet = await orLeave(deps, grant.ref, undefined, () =>
      store.writePoolName(plan.space, wanted.name, name, seen),
    );
    if (isSet) return grant;
    await leavePool(deps, grant.ref);
  }
  throw new Refusal('busy', `the pool named ${wanted.name} is being created or removed by others: try again`);
}

/** dockerd asks for another pool when this one overlaps a route of its host, and would get the same for ever. */
function refuseReached(pool: Pool, { name, avoid }: NamedWish): void {
  if (!avoid.some((range) => rangesOverlap(range, cidrRange(pool.cidr)))) return;
  throw new Refusal(
    'pool-overlap',
    `the pool that berth.name=${name} stands for, ${formatCidr(pool.cidr)}, is reached by this host already (a route or ` +
      'a name server); one bridge network per host can have it: give another one another name',
  );
}

function refuseOtherSize(pool: Pool, { name, size }: NamedWish): void {
  if (size === undefined || size === pool.cidr.prefix) return;
  throw new Refusal(
    'invalid-request',
    `berth.size=${size} contradicts the pool that berth.name=${name} stands for: ${formatCidr(pool.cidr)}`,
  );
}
