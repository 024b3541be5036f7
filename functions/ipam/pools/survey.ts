/** What a search for room in a space has learnt, read page by page. These are only hints: the announcement decides. */
import { type Range, cidrRange } from '../../../protocol/address.ts';
import type { Deps } from '../deps.ts';
import { type Pool, hasExpired } from '../pool.ts';
import { RangeSet } from '../range-set.ts';
import { type Ring, candidate, firstClear, numberAt, partAt } from './candidates.ts';

/** Pools that the first page reads, and by how much each further page is larger: a fuller space has rarer gaps. */
const FIRST_PAGE = 100;
const GROWTH = 4;
/** About 1 MB, which is the most that one query returns. */
const MAX_PAGE = 6_400;
/** The most gaps that are looked for at once. */
const MAX_GAPS = 16;

/**
 * A stretch of a ring of candidates of which all pools are known. Gaps are drawn from it alone: candidates beyond it are
 * most likely taken in a crowded space, and each that is tried costs a write.
 */
export class Survey {
  readonly space: string;
  readonly ring: Ring;
  /** The host that created each pool seen, by generation. */
  readonly creators = new Map<string, string>();
  /** It met an announcement, which may be withdrawn. */
  sawPending = false;
  readonly #taken: RangeSet;
  /** The stretch: the numbers of its first candidate, and of the one after its last. */
  readonly #first: bigint;
  #end: bigint;
  #page = FIRST_PAGE;

  /** @param first the number of the candidate where it begins. @param excluded what no pool may overlap. */
  constructor(space: string, ring: Ring, first: bigint, excluded: readonly Range[]) {
    this.space = space;
    this.ring = ring;
    this.#taken = new RangeSet(excluded);
    this.#first = first;
    this.#end = first;
  }

  /** All candidates of the ring are known. */
  get isComplete(): boolean {
    return this.#end >= this.#first + this.ring.count;
  }

  /** The first candidate from the beginning that is not known to be taken, known or not. */
  get firstClear(): bigint | undefined {
    return firstClear(this.ring, this.#first, this.#taken);
  }

  /** The next candidates that are known to be free, a few at most. */
  gaps(): bigint[] {
    const gaps: bigint[] = [];
    for (let at = this.#first; gaps.length < MAX_GAPS;) {
      const gap = firstClear(this.ring, at, this.#taken);
      if (gap === undefined || gap >= this.#end) break;
      gaps.push(gap);
      at = gap + 1n;
    }
    return gaps;
  }

  /** Records a pool as taken, or removes it if it is an abandoned announcement. */
  async note({ store, world }: Deps, pool: Pool): Promise<void> {
    if (hasExpired(pool, world.now())) {
      await store.removePool(pool);
      return;
    }
    this.#taken.add(cidrRange(pool.cidr));
    this.creators.set(pool.generation, pool.createdBy);
    this.sawPending ||= pool.state === 'pending';
  }

  /** Reads the pools that follow the stretch, which becomes longer. */
  async extend(deps: Deps): Promise<void> {
    const part = partAt(this.ring, this.#end);
    const rest = { ...cidrRange(part.range), first: candidate(this.ring, this.#end).first };
    const { items, more } = await deps.store.poolsStartingIn(this.space, rest, undefined, this.#page);
    for (const pool of items) await this.note(deps, pool);
    const last = more ? items.at(-1) : undefined;
    // The candidate in which the last pool starts is taken, so it counts as known, whatever else is in it.
    const end = last === undefined ? part.start + part.count : numberAt(this.ring, part, last.cidr.first) + 1n;
    this.#end += end - (this.#end % this.ring.count);
    this.#page = Math.min(MAX_PAGE, this.#page * GROWTH);
  }
}
