/** What is held in a space, as far as a change of its settings affects it. A look is bounded, and says if it is partial. */
import { type Cidr, type Family, contains, formatCidr, overlap } from '../../../protocol/address.ts';
import { allHosts } from '../all-hosts.ts';
import type { Deps } from '../deps.ts';
import { eachRef } from '../host-refs.ts';
import { pages } from '../pages.ts';
import type { Pool } from '../pool.ts';
import { allPools, poolsWithin } from '../pools/limits.ts';
import { MAX_NAMED_ITEMS, clip, listed } from '../quote.ts';
import type { Ref } from '../ref.ts';
import type { Store } from '../store.ts';

/** The most pools that are counted. */
const MAX_COUNTED_POOLS = 20_000;
const NAME_LENGTH = 40;

export interface Count {
  readonly count: number;
  /** `false`: there are more, which were not counted. */
  readonly isAll: boolean;
}

export async function countPools({ store }: Deps, space: string, family: Family): Promise<Count> {
  const { count, isAll } = await gather(allPools(store, space, family), () => true);
  return { count, isAll };
}

/** Pools that overlap a prefix, as text. '': none. */
export async function poolsOverlapping({ store }: Deps, space: string, cidr: Cidr): Promise<string> {
  const inside = await gather(poolsWithin(store, space, cidr), () => true, MAX_NAMED_ITEMS + 1);
  const around = await poolAround(store, space, cidr);
  return named(around === undefined ? inside.found : [around, ...inside.found]);
}

/**
 * Confirmed pools are disjoint, so only the nearest one that starts earlier can reach into a prefix. Pending ones do not
 * count, since they may never be confirmed.
 */
async function poolAround(store: Store, space: string, cidr: Cidr): Promise<Pool | undefined> {
  const start = { family: cidr.family, value: cidr.first };
  for await (const { items } of pages((last?: Pool) => store.poolsStartingBefore(space, start, last?.cidr))) {
    const nearest = items.find(({ state }) => state !== 'pending');
    if (nearest !== undefined) return overlap(nearest.cidr, cidr) ? nearest : undefined;
  }
  return undefined;
}

/** Pools within the withdrawn prefixes that lie in none of the remaining ones, as text. '': none. */
export async function poolsLeftOut(
  { store }: Deps,
  space: string,
  withdrawn: readonly Cidr[],
  left: readonly Cidr[],
): Promise<string> {
  const found: Pool[] = [];
  let isAll = true;
  for (const range of withdrawn) {
    const isOut = ({ cidr }: Pool): boolean => !left.some((other) => contains(other, cidr));
    const more = await gather(poolsWithin(store, space, range), isOut, MAX_NAMED_ITEMS + 1 - found.length);
    found.push(...more.found);
    isAll &&= more.isAll;
    if (found.length > MAX_NAMED_ITEMS) break;
  }
  return isAll ? named(found) : `${named(found)} (too many to check all of them)`;
}

/** Reads pools until enough are found, or too many were read. */
async function gather(pools: AsyncIterable<Pool>, isMeant: (pool: Pool) => boolean, most = Infinity) {
  const found: Pool[] = [];
  let count = 0;
  for await (const pool of pools) {
    if (count === MAX_COUNTED_POOLS) return { found, count, isAll: false };
    count++;
    if (!isMeant(pool)) continue;
    if (found.length < MAX_NAMED_ITEMS + 1) found.push(pool);
    if (found.length >= most) break;
  }
  return { found, count, isAll: true };
}

const named = (pools: readonly Pool[]): string =>
  listed(pools.map(({ cidr, createdBy }) => `${formatCidr(cidr)} (created by host ${clip(createdBy, NAME_LENGTH)})`));

/**
 * Hosts that have been fenced for so long that the next sweep ends what they hold in a space, as text. '': none.
 *
 * @param forgetAfter ms
 * @param deadline ms: a look that does not end by then says so.
 */
export async function hostsForgotten(
  deps: Deps,
  space: string,
  forgetAfter: number,
  deadline: number,
): Promise<string> {
  const before = deps.world.now() - forgetAfter;
  const found: string[] = [];
  const isForgotten = (ref: Ref): boolean =>
    ref.space === space && ref.state === 'dormant' && (ref.fencedAt ?? 0) <= before;
  for await (const host of allHosts(deps.store)) {
    if (host.state !== 'fenced') continue;
    if (found.length > MAX_NAMED_ITEMS) break;
    const wasAll = await eachRef(deps, host.id, deadline, (ref) => Promise.resolve(!isForgotten(ref)));
    if (wasAll) continue;
    if (deps.world.now() >= deadline)
      return listed([...found.slice(0, MAX_NAMED_ITEMS - 1), 'others that were not checked in time']);
    found.push(clip(host.id, NAME_LENGTH));
  }
  return listed(found);
}
