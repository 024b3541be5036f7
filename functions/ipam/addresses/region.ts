/**
 * Where the automatic addresses of a network are. A search reads all of a pool of up to 65,536 addresses. In a larger one, such
 * as an IPv6 /64, the addresses of a host lie together: they begin at its home, a group of chunks that its tag chooses, and go
 * on in the groups that follow, around the pool. To free or list what a host leases there, a function reads a few groups
 * instead of the pool.
 */
import { cidrRange, cidrSize, intersect, usableRange } from '../../../protocol/address.ts';
import { CHUNKS_PER_GROUP, chunkOf, groupOf, nextGroup, offsetOf } from '../chunk.ts';
import type { Order } from '../pool-id.ts';
import { type Ref, hostTagOf } from '../ref.ts';
import { type World, digestBelow } from '../world.ts';
import { MAX_EXAMINED_ADDRESSES, type Segment, type Span, spanOf } from './search.ts';

type Network = Pick<Ref, 'cidr' | 'subPool'>;

/** Whether a search reads all addresses of a pool. */
export const isSearchable = ({ cidr }: Pick<Network, 'cidr'>): boolean => cidrSize(cidr) <= MAX_EXAMINED_ADDRESSES;

/** How automatic addresses are chosen in a pool. @param asked by the user. */
export const orderIn = (pool: Pick<Network, 'cidr'>, asked: 'spread' | 'serial'): Order =>
  asked === 'spread' && !isSearchable(pool) ? 'by-host' : asked;

/** The span that automatic addresses come from. `undefined`: it is empty. */
export function automaticSpan({ cidr, subPool }: Network): Span | undefined {
  const usable = usableRange(cidr);
  const range = usable && (subPool === undefined ? usable : intersect(usable, cidrRange(subPool)));
  return range && spanOf(range, cidr.first);
}

/**
 * The home of a host in a large pool: a group of chunks, as far as the span reaches.
 *
 * @param ref the name of a reference, which begins with the tag of its host: all networks of a host have one home in a pool.
 */
export function homeSpan(world: World, ref: string, { first, last }: Span): Span {
  const low = groupOf(chunkOf(first));
  const groups = groupOf(chunkOf(last)) - low + 1n;
  const home = (low + digestBelow(world, `home ${hostTagOf(ref)}`, groups)) * CHUNKS_PER_GROUP;
  const [begin, end] = [offsetOf(home, 0), offsetOf(nextGroup(home), 0) - 1n];
  return { first: begin < first ? first : begin, last: last < end ? last : end };
}

/** Chunks of a pool that are read group by group, for the leases of some networks. */
export interface Stretch extends Segment {
  /** Where these networks may have automatic addresses. */
  readonly span: Span;
  /** Of the references. */
  readonly names: readonly string[];
}

/**
 * What to read for the leases of networks: each group of a pool that a search reads whole; in a large one, from the lowest
 * address and from each home as far as a search goes, or up to where the next stretch begins. So no chunk is read twice, and
 * the last group is followed by the first.
 *
 * @param network all have its CIDR and sub-pool.
 * @returns in ascending order.
 */
export function stretchesOf(world: World, network: Network, names: readonly string[]): readonly Stretch[] {
  const isWhole = isSearchable(network);
  const span = automaticSpan(isWhole ? { ...network, subPool: undefined } : network);
  if (span === undefined) return [];
  const starts = isWhole ? groupStarts(span) : startsNear([span, ...names.map((name) => homeSpan(world, name, span))]);
  return starts.map((first, i) => {
    const end = (starts[i + 1] ?? chunkOf(span.last) + 1n) - 1n;
    const reach = first + chunkOf(MAX_EXAMINED_ADDRESSES);
    return { first, last: end < reach ? end : reach, span, names };
  });
}

function groupStarts({ first, last }: Span): bigint[] {
  const starts = [];
  for (let chunk = chunkOf(first); chunk <= chunkOf(last); chunk = nextGroup(chunk)) starts.push(chunk);
  return starts;
}

const startsNear = (spans: readonly Span[]): bigint[] =>
  [...new Set(spans.map(({ first }) => chunkOf(first)))].sort((a, b) => (a < b ? -1 : 1));
