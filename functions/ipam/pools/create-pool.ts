/**
 * How a pool is created: announce, look, confirm (docs/data-model.md). Conditional writes of single items are enough to
 * keep pools of one space from overlapping: each call announces first and looks afterwards, so of two rivals at least one
 * sees the other, and the earlier one removes the later one's announcement before it confirms its own.
 */
import { type Cidr, overlap } from '../../../protocol/address.ts';
import { type Former, addRefWithGateway } from '../addresses/reservation.ts';
import { allSettledOrThrow } from '../all-settled.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { pages } from '../pages.ts';
import { type Pool, hasExpired, isElder, isSamePool } from '../pool.ts';
import type { Ref } from '../ref.ts';
import type { Store } from '../store.ts';
import { type Room, awaitRoom, poolsWithin } from './limits.ts';
import { leaveOnFailure } from './membership.ts';
import type { PoolPlan } from './plan.ts';

export type CreateOutcome =
  | { readonly kind: 'born'; readonly pool: Pool; readonly ref: Ref }
  /** There is a pool with exactly this CIDR. */
  | { readonly kind: 'standing'; readonly pool: Pool }
  /** A confirmed (or retiring) pool overlaps. */
  | { readonly kind: 'overlaps'; readonly pool: Pool }
  /** An earlier announcement won, in `to` if it is known; a retry may succeed. */
  | { readonly kind: 'lost'; readonly to: Pool | undefined };

/** How often a call looks again because a rival changed while it looked, before it gives way. */
const MAX_LOOKS = 8;

interface Creation extends Pick<PoolPlan, 'draft' | 'refOf'>, Room {
  /** A life of the pool that is restored, under its former names. */
  readonly former?: Former;
}

/**
 * @throws Refusal when the space is full, or the host may not have a pool.
 */
export async function createPool(deps: Deps, call: Call, plan: Creation, cidr: Cidr): Promise<CreateOutcome> {
  const { former } = plan;
  const announcement = await deps.store.announcePool(plan.draft(cidr), former?.generation);
  if ('standing' in announcement) return { kind: 'standing', pool: announcement.standing };
  const pool = announcement.announced;
  const ref = plan.refOf(pool);
  return leaveOnFailure(deps, ref, former, async () => {
    // The reference is added before the pool is confirmed: a confirmed pool has one, or can be retired.
    const [verdict] = await allSettledOrThrow([
      contest(deps, pool),
      addRefWithGateway(deps, call, ref, { isNewborn: former === undefined, former }),
      awaitRoom(deps, call, pool, plan),
    ]);
    if (verdict === undefined) {
      const confirmed = await deps.store.changePool(pool, 'confirmed');
      if (confirmed !== undefined) return { kind: 'born', pool: confirmed, ref };
    }
    const { generation, name } = ref;
    await allSettledOrThrow([
      deps.store.removePool(pool),
      former === undefined && deps.store.endRef(generation, name, deps.world.now()),
    ]);
    return verdict ?? { kind: 'lost', to: undefined };
  });
}

/** Looks for rivals and removes those that must give way. @returns why the announcement must not be confirmed, if so. */
async function contest({ store, world }: Deps, pool: Pool): Promise<CreateOutcome | undefined> {
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const { blocking, pending } = await look(store, pool);
    if (blocking !== undefined) return { kind: 'overlaps', pool: blocking };
    const elder = pending.find((rival) => isElder(rival, pool) && !hasExpired(rival, world.now()));
    if (elder !== undefined) return { kind: 'lost', to: elder };
    let moved = false;
    for (const rival of pending) {
      if (!(await store.removePool(rival))) moved = true;
    }
    if (!moved) return undefined;
  }
  return { kind: 'lost', to: undefined };
}

interface View {
  readonly blocking?: Pool;
  readonly pending: readonly Pool[];
}

/** The order is part of the proof: forward first and ascending, then backward (a query is not a snapshot). */
async function look(store: Store, pool: Pool): Promise<View> {
  const inside = await lookForward(store, pool);
  if (inside.blocking !== undefined) return inside;
  const before = await lookBackward(store, pool);
  return { ...before, pending: [...inside.pending, ...before.pending] };
}

/** All that starts inside the pool overlaps it, and so does a larger pool that starts where it starts. */
async function lookForward(store: Store, pool: Pool): Promise<View> {
  const pending: Pool[] = [];
  for await (const other of poolsWithin(store, pool.space, pool.cidr)) {
    if (isSamePool(other, pool)) continue;
    if (other.state !== 'pending') return { blocking: other, pending };
    pending.push(other);
  }
  return { pending };
}

/**
 * Confirmed pools are disjoint, so of those that start earlier only the nearest confirmed one can reach into this pool.
 * Pending ones prove nothing about the pools before them, so the look continues past all of them.
 */
async function lookBackward(store: Store, pool: Pool): Promise<View> {
  const pending: Pool[] = [];
  const start = { family: pool.cidr.family, value: pool.cidr.first };
  for await (const { items } of pages((last?: Pool) => store.poolsStartingBefore(pool.space, start, last?.cidr))) {
    for (const other of items) {
      const reaches = overlap(other.cidr, pool.cidr);
      if (other.state !== 'pending') return reaches ? { blocking: other, pending } : { pending };
      if (reaches) pending.push(other);
    }
  }
  return { pending };
}
