/** The subnets of a space that no pool has, as runs of neighbours, for viewers. */
import { type Cidr, type Family, type Range, cidrRange } from '../../../protocol/address.ts';
import type { Deps } from '../deps.ts';
import { pages } from '../pages.ts';
import { type Pool, hasExpired } from '../pool.ts';
import { type Ring, candidate, firstClear, numberAt, partAt, ringOf } from '../pools/candidates.ts';
import { RangeSet } from '../range-set.ts';
import { configOf } from '../space.ts';
import { refusePlace } from './place.ts';

/** The pools that one read returns, some 100 KB. */
const PAGE_POOLS = 500;
/** The reads after which a page ends, and the runs of subnets that it holds at most. */
const MAX_READS = 8;
const MAX_RUNS = 500;

/** Neighbouring subnets of one size. */
export interface SubnetRun {
  readonly first: Cidr;
  readonly last: Cidr;
  readonly count: bigint;
}

export interface FreeSubnetsPage {
  /** Prefix length of each subnet. */
  readonly size: number;
  /** Ascending within each range of the space. The last of a page and the first of the next one may touch. */
  readonly runs: readonly SubnetRun[];
  /** Where the next page begins. `undefined`: this was the last. */
  readonly next: string | undefined;
}

export interface SubnetQuestion {
  readonly space: string;
  readonly family: Family;
  /** Prefix length. `undefined`: that of the automatic pools of the space. */
  readonly size: number | undefined;
}

/**
 * The subnets of one size in the ranges of a space that overlap no pool and nothing that the space excludes: what automatic
 * pools can be cut from. A host's own routes, which only the host knows, may rule out more.
 *
 * @param after the number of the first subnet of the page. `undefined`: 0.
 * @param deadline ms: the page ends then.
 */
export async function freeSubnets(
  deps: Deps,
  { space, family, size: asked }: SubnetQuestion,
  after: string | undefined,
  deadline: number,
): Promise<FreeSubnetsPage> {
  const config = configOf(space, await deps.store.readSpace(space));
  const size = asked ?? config.size[family];
  const ring = ringOf(
    config.ranges.filter((range) => range.family === family),
    size,
  );
  refusePlace(after, (text) => /^\d{1,39}$/.test(text) && BigInt(text) < ring.count);
  const excluded = config.excluded.filter((cidr) => cidr.family === family).map(cidrRange);
  const runs: SubnetRun[] = [];
  let at = after === undefined ? 0n : BigInt(after);
  for (let reads = 0; at < ring.count; reads++) {
    if (reads > 0 && (reads >= MAX_READS || runs.length >= MAX_RUNS || deps.world.now() >= deadline)) {
      return { size, runs, next: String(at) };
    }
    const { taken, end } = await readFrom(deps, space, ring, at);
    for (const range of excluded) taken.add(range);
    runs.push(...runsBetween(ring, at, end, taken));
    at = end;
  }
  return { size, runs, next: undefined };
}

/**
 * Reads the pools from a subnet on.
 *
 * @returns what they take, and the number of the subnet up to which all of them are known, within one range of the space.
 */
async function readFrom(deps: Deps, space: string, ring: Ring, at: bigint): Promise<{ taken: RangeSet; end: bigint }> {
  const part = partAt(ring, at);
  const last = part.start + part.count - 1n;
  const rest = { ...cidrRange(candidate(ring, last)), first: candidate(ring, at).first };
  const before = await poolBefore(deps, space, rest);
  const { items, more } = await deps.store.poolsStartingIn(space, rest, undefined, PAGE_POOLS);
  const known = more ? items.at(-1) : undefined;
  const standing = [...before, ...items].filter((pool) => !hasExpired(pool, deps.world.now()));
  const taken = new RangeSet(standing.map(({ cidr }) => cidrRange(cidr)));
  // A later pool may begin in the subnet in which the last one that was read begins: that subnet is taken anyway.
  return { taken, end: (known === undefined ? last : numberAt(ring, part, known.cidr.first)) + 1n };
}

/** The pools that begin before a range and may reach into it: confirmed ones are disjoint, so the nearest of them is enough. */
async function poolBefore({ store }: Deps, space: string, { family, first }: Range): Promise<Pool[]> {
  const found: Pool[] = [];
  const start = { family, value: first };
  for await (const { items } of pages((last?: Pool) => store.poolsStartingBefore(space, start, last?.cidr))) {
    const nearest = items.findIndex(({ state }) => state !== 'pending');
    found.push(...(nearest < 0 ? items : items.slice(0, nearest + 1)));
    if (nearest >= 0) break;
  }
  return found;
}

/** The runs of free subnets from one number to another, exclusive, both in one range of the space. */
function runsBetween(ring: Ring, from: bigint, end: bigint, taken: RangeSet): SubnetRun[] {
  const part = partAt(ring, from);
  const runs: SubnetRun[] = [];
  for (let at = from; at < end;) {
    const first = firstClear(ring, at, taken);
    if (first === undefined || first >= end) break;
    const rest = { ...cidrRange(candidate(ring, end - 1n)), first: candidate(ring, first).first };
    const next = taken.meets(rest);
    at = next === undefined ? end : numberAt(ring, part, next.first);
    runs.push({ first: candidate(ring, first), last: candidate(ring, at - 1n), count: at - first });
  }
  return runs;
}
