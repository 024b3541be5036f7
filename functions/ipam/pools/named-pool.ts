/** Automatic pools that hosts share under a name (the option `berth.name`). */
import { type Family, type Range, cidrRange, formatCidr, rangesOverlap } from '../../../protocol/address.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import type { Pool } from '../pool.ts';
import { Refusal } from '../refusal.ts';
import { joinStanding } from './explicit-pool.ts';
import { leaveOnFailure, leavePool } from './membership.ts';
import type { Grant, PoolPlan } from './plan.ts';

export interface NamedWish {
  readonly name: string;
  readonly family: Family;
  readonly size: number | undefined;
  /** What the host already reaches by other routes. */
  readonly avoid: readonly Range[];
}

/**
 * The automatic pool that a name points to. The first host to ask creates it. Of several at once, one sets the name; the
 * others leave the pools that they created and join.
 */
export async function joinNamedPool(
  deps: Deps,
  call: Call,
  plan: PoolPlan,
  wanted: NamedWish,
  createPool: () => Promise<Grant>,
): Promise<Grant> {
  const { store, world } = deps;
  while (world.now() < call.deadline) {
    const seen = await store.readPoolName(plan.space, wanted.family, wanted.name);
    const standing = seen && (await store.readPool(plan.space, seen.cidr));
    if (standing !== undefined && standing.generation === seen?.generation) {
      refuseOtherSize(standing, wanted);
      refuseReached(standing, wanted);
      const grant = await joinStanding(deps, call, plan, standing);
      if (grant !== undefined) return grant;
      continue;
    }
    const grant = await createPool();
    const { cidr, generation } = grant.pool;
    const name = { cidr, generation };
    const isSet = await leaveOnFailure(deps, grant.ref, undefined, () =>
      store.writePoolName(plan.space, wanted.name, name, seen),
    );
    if (isSet) return grant;
    await leavePool(deps, grant.ref);
  }
  throw new Refusal('busy', `the pool named ${wanted.name} is being created or removed by others; try again`);
}

/** dockerd asks for another pool when this one overlaps a route of its host, and would get the same one forever. */
export function refuseReached(pool: Pool, { name, avoid }: NamedWish): void {
  if (!avoid.some((range) => rangesOverlap(range, cidrRange(pool.cidr)))) return;
  throw new Refusal(
    'pool-overlap',
    `the pool of berth.name=${name}, ${formatCidr(pool.cidr)}, overlaps a route or a name server of this host; ` +
      'only one bridge network per host can use it, so give any other network another name',
  );
}

export function refuseOtherSize(pool: Pool, { name, size }: NamedWish): void {
  if (size === undefined || size === pool.cidr.prefix) return;
  throw new Refusal(
    'invalid-request',
    `berth.size=${size} contradicts the pool of berth.name=${name}, which is ${formatCidr(pool.cidr)}`,
  );
}
