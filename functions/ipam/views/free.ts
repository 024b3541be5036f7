/** The addresses of a pool that nobody has, as ranges, for viewers. */
import { type Address, type Cidr, type Range, intersect, usableRange } from '../../../protocol/address.ts';
import { isSearchable } from '../addresses/region.ts';
import { CHUNK_SIZE, addressAt } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import type { Pool } from '../pool.ts';
import { RangeSet } from '../range-set.ts';
import { PAGE_GROUPS, slotsOf } from './addresses.ts';
import { placeInGroups } from './place.ts';
import { groupsOf, sizeOf } from './pool-view.ts';

export interface FreePage {
  /** Ascending. The last of a page and the first of the next one may touch. */
  readonly ranges: readonly Range[];
  /** Where the next page begins. `undefined`: this was the last. */
  readonly next: string | undefined;
}

export type FreeAddresses =
  | { readonly outcome: 'unknown' }
  /** The pool is too large for its free addresses to be listed. */
  | { readonly outcome: 'large'; readonly size: bigint }
  | ({ readonly outcome: 'done'; readonly size: bigint } & FreePage);

/**
 * The addresses that an endpoint can get now: no endpoint and no network has them, and none of them rests.
 *
 * @param after the group at which the page begins. `undefined`: the first.
 * @param deadline ms: the page ends then.
 */
export async function freeAddresses(
  deps: Deps,
  { space, cidr }: { readonly space: string; readonly cidr: Cidr },
  after: string | undefined,
  deadline: number,
): Promise<FreeAddresses> {
  const pool = await deps.store.readPool(space, cidr);
  if (pool === undefined) return { outcome: 'unknown' };
  const size = sizeOf(cidr);
  if (!isSearchable(pool)) return { outcome: 'large', size };
  return { outcome: 'done', size, ...(await freePage(deps, pool, after, deadline)) };
}

async function freePage(deps: Deps, pool: Pool, after: string | undefined, deadline: number): Promise<FreePage> {
  const usable = usableRange(pool.cidr);
  const groups = groupsOf(pool.cidr);
  const start = placeInGroups(after, groups.length);
  const ranges: Range[] = [];
  let group = start;
  for (; group < Math.min(groups.length, start + PAGE_GROUPS); group++) {
    const segment = groups[group];
    if (segment === undefined || (group > start && deps.world.now() >= deadline)) break;
    const chunks = await deps.store.readChunks(pool.generation, segment.first, segment.last);
    const now = deps.world.now();
    const taken = new RangeSet(
      chunks.flatMap((chunk) => slotsOf(pool, chunk, now)).map(({ address }) => single(address)),
    );
    const whole = {
      family: pool.cidr.family,
      first: addressAt(pool.cidr, segment.first, 0).value,
      last: addressAt(pool.cidr, segment.last, CHUNK_SIZE - 1).value,
    };
    const part = usable && intersect(usable, whole);
    if (part !== undefined) ranges.push(...taken.gapsIn(part));
  }
  return { ranges: joined(ranges), next: group < groups.length ? String(group) : undefined };
}

const single = ({ family, value }: Address): Range => ({ family, first: value, last: value });

/** Ranges that touch become one. @param ranges ascending and disjoint. */
function joined(ranges: readonly Range[]): Range[] {
  const all: Range[] = [];
  for (const range of ranges) {
    const before = all.at(-1);
    if (before !== undefined && before.last + 1n === range.first) all.splice(-1, 1, { ...before, last: range.last });
    else all.push(range);
  }
  return all;
}
