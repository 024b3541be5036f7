/** The pools of a space, page by page, for viewers. */
import { type Address, type Cidr, cidrRange, rangeContains } from '../../../protocol/address.ts';
import { sideBySide } from '../all-settled.ts';
import type { Deps } from '../deps.ts';
import { pages } from '../pages.ts';
import type { Pool } from '../pool.ts';
import { type Ref, isRefName } from '../ref.ts';
import { refusePlace } from './place.ts';
import { type PoolCount, countPool } from './pool-view.ts';

/** The pools of one page, each of which is counted. */
const MAX_POOLS = 32;

export interface CountedPool {
  readonly pool: Pool;
  readonly count: PoolCount;
}

export interface PoolPage {
  readonly pools: readonly CountedPool[];
  /** The pool after which the next page begins. `undefined`: this was the last. */
  readonly next: Cidr | undefined;
}

/** All IPv4 pools of a space come before the IPv6 ones. @param deadline ms: pools are counted until then. */
export async function listPools(
  deps: Deps,
  space: string,
  after: Cidr | undefined,
  deadline: number,
): Promise<PoolPage> {
  const found: Pool[] = [];
  for (const family of after?.family === 6 ? ([6] as const) : ([4, 6] as const)) {
    const range = cidrRange({ family, first: 0n, prefix: 0 });
    let last = after?.family === family ? after : undefined;
    for (let more = true; more && found.length <= MAX_POOLS;) {
      const page = await deps.store.poolsStartingIn(space, range, last, MAX_POOLS + 1 - found.length);
      found.push(...page.items);
      ({ more } = page);
      last = page.items.at(-1)?.cidr;
    }
  }
  const shown = found.slice(0, MAX_POOLS);
  const isOver = (): boolean => deps.world.now() >= deadline;
  const pools = await sideBySide(shown, async (pool) => ({ pool, count: await countPool(deps, pool, isOver) }));
  return { pools, next: found.length > MAX_POOLS ? shown.at(-1)?.cidr : undefined };
}

export interface PoolDetail extends CountedPool {
  readonly holders: readonly Ref[];
  /** The name of the last reference of this page. `undefined`: there are no more. */
  readonly next: string | undefined;
}

/** @returns `undefined`: there is no such pool. */
export async function showPool(
  deps: Deps,
  space: string,
  cidr: Cidr,
  after: string | undefined,
  deadline: number,
): Promise<PoolDetail | undefined> {
  refusePlace(after, isRefName);
  const pool = await deps.store.readPool(space, cidr);
  if (pool === undefined) return undefined;
  const isOver = (): boolean => deps.world.now() >= deadline;
  const count = await countPool(deps, pool, isOver);
  const { items, more } = await deps.store.refsOf(pool.generation, after);
  return {
    pool,
    count,
    holders: items.filter(({ state }) => state !== 'gone'),
    next: more ? items.at(-1)?.name : undefined,
  };
}

/** The pool of a space that an address is in. Confirmed pools are disjoint; one that is being created may be withdrawn. */
export async function poolAt({ store }: Deps, space: string, address: Address): Promise<Pool | undefined> {
  const start = { ...address, value: address.value + 1n };
  for await (const { items } of pages((last?: Pool) => store.poolsStartingBefore(space, start, last?.cidr))) {
    const nearest = items.find(({ state }) => state !== 'pending');
    if (nearest !== undefined) return rangeContains(cidrRange(nearest.cidr), address) ? nearest : undefined;
  }
  return undefined;
}
