/** Pools: those of a space never overlap, and each has a network. */
import { type Cidr, cidrAt, cidrSize, contains, formatAddress, formatCidr } from '../../../protocol/address.ts';
import { isSearchable } from '../addresses/region.ts';
import { sideBySide } from '../all-settled.ts';
import { CHUNKS_PER_GROUP, addressAt, chunkOf, groupOf, placeOf } from '../chunk.ts';
import { pages } from '../pages.ts';
import { type Pool, hasExpired } from '../pool.ts';
import type { Ref } from '../ref.ts';
import type { TableView } from '../table-view.ts';
import type { Finding } from './finding.ts';
import { type Look, SWEPT_MS, isLongGone, unlessUnreadable } from './look.ts';

type Pair = readonly [outer: Pool, inner: Pool];

/** @param pools of one page: those of a space are sorted by start, then by length. */
export async function checkPools(look: Look, pools: readonly Pool[]): Promise<Finding[]> {
  const groups = Map.groupBy(pools, ({ space, cidr }) => `${space} ${cidr.family}`).values();
  const pairs = await sideBySide(groups, (group) => unlessUnreadable(nested(look, group)));
  const proven = await sideBySide(pairs.flat(), async (pair) => ((await overlaps(look, pair)) ? [pair] : []));
  const found = await sideBySide(proven.flat(), async (pair) => [
    overlapOf(pair),
    ...(await unlessUnreadable(heldTwice(look, pair))),
  ]);
  const unused = await sideBySide(pools, (pool) => unlessUnreadable(unreferenced(look, pool)));
  return [...found.flat(), ...unused.flat()];
}

/**
 * Pools within others. Two blocks are disjoint, or one contains the other. So all that contain a pool of the page also
 * contain those before it that start later than they do, and one look-up for the first pool finds what earlier pages had.
 */
async function nested({ table }: Look, pools: readonly Pool[]): Promise<Pair[]> {
  const [first] = pools;
  if (first === undefined) return [];
  const around = await sideBySide(enclosing(first.cidr), (cidr) => table.readPool(first.space, cidr));
  let open = around.filter((pool) => pool !== undefined);
  return pools
    .filter(({ state }) => state !== 'pending')
    .flatMap((pool) => {
      open = open.filter((outer) => contains(outer.cidr, pool.cidr));
      const pairs = open.filter(({ state }) => state !== 'pending').map((outer): Pair => [outer, pool]);
      open = [...open, pool];
      return pairs;
    });
}

/** Every block that contains another, itself left out. */
const enclosing = ({ family, first, prefix }: Cidr): Cidr[] =>
  Array.from({ length: prefix }, (_, shorter) => cidrAt({ family, value: first }, shorter));

/** The outer one was there before and after the inner one was read, so they were there together. */
async function overlaps({ table }: Look, [outer, inner]: Pair): Promise<boolean> {
  for (const seen of [outer, inner, outer]) {
    const pool = await table.readPool(seen.space, seen.cidr);
    if (pool?.rev !== seen.rev) return false;
  }
  return true;
}

const overlapOf = ([outer, inner]: Pair): Finding => ({
  damage: 'overlapping pools',
  where: `${formatCidr(inner.cidr)} of space ${inner.space}`,
  what: `it lies in ${formatCidr(outer.cidr)}`,
  isLeftover: false,
  subject: { of: 'text', text: `${outer.generation} ${inner.generation}` },
});

/** Addresses that endpoints of both pools have. Of a large inner pool, none are looked up. */
async function heldTwice({ table }: Look, [outer, inner]: Pair): Promise<Finding[]> {
  if (!isSearchable(inner)) return [];
  const groups = Number(groupOf(chunkOf(cidrSize(inner.cidr) - 1n))) + 1;
  const read = await sideBySide(Array.from({ length: groups }).keys(), (group) => {
    const from = BigInt(group) * CHUNKS_PER_GROUP;
    return table.readChunks(inner.generation, from, from + CHUNKS_PER_GROUP - 1n);
  });
  const leased = read
    .flat()
    .flatMap(({ index, slots }) =>
      slots.flatMap((value, slot) =>
        value?.startsWith('L') === true ? [{ value, place: { generation: inner.generation, chunk: index, slot } }] : [],
      ),
    );
  const found = await sideBySide(leased, async ({ value, place }): Promise<Finding[]> => {
    const address = addressAt(inner.cidr, place.chunk, place.slot);
    const there = placeOf(outer.generation, outer.cidr, address);
    const [chunk] = await table.readChunks(outer.generation, there.chunk, there.chunk);
    if (chunk?.slots[there.slot]?.startsWith('L') !== true) return [];
    const where = `${formatAddress(address)} of space ${inner.space}`;
    const what = `an endpoint of ${formatCidr(outer.cidr)} and one of ${formatCidr(inner.cidr)} have it`;
    return [{ damage: 'duplicate lease', where, what, isLeftover: false, subject: { of: 'slot', place, value } }];
  });
  return found.flat();
}

/** A sweep removes a pool without a network, and an announcement that was abandoned. */
async function unreferenced({ table, now }: Look, pool: Pool): Promise<Finding[]> {
  if (pool.state === 'pending' && !hasExpired(pool, now)) return [];
  const refs = pool.state === 'pending' ? [] : await allRefs(table, pool.generation);
  if (refs.some(({ state }) => state !== 'gone')) return [];
  if ((await table.readPool(pool.space, pool.cidr))?.rev !== pool.rev) return [];
  const isOld =
    pool.state === 'pending' ? pool.announcedAt + SWEPT_MS <= now : refs.some((ref) => isLongGone(ref, now));
  return [
    {
      damage: 'pool without a network',
      where: `${formatCidr(pool.cidr)} of space ${pool.space}`,
      what: pool.state === 'pending' ? 'its announcement was abandoned' : 'no network uses it',
      isLeftover: !isOld,
      subject: { of: 'pool', pool },
    },
  ];
}

/** Up to the first that has not ended: the rest does not matter. */
async function allRefs(table: TableView, generation: string): Promise<Ref[]> {
  const refs: Ref[] = [];
  for await (const { items } of pages((last?: Ref) => table.refsOf(generation, last?.name))) {
    refs.push(...items);
    if (items.some(({ state }) => state !== 'gone')) break;
  }
  return refs;
}
