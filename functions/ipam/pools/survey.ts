/** What a search for room in a space has learnt, read page by page. These are only hints: the announcement decides. */
import { type Cidr, cidrAt, cidrRange, formatCidr, rangeContains } from '../../../protocol/address.ts';
import { sideBySide } from '../all-settled.ts';
import type { Deps } from '../deps.ts';
import { type Pool, hasExpired } from '../pool.ts';
import { RangeSet } from '../range-set.ts';
import { type Obstacles, type Ring, candidate, firstClear, numberAt, partAt } from './candidates.ts';

/**
 * ms from the beginning of a survey for which a refusal may rest on it. A subnet that was freed after the survey had
 * passed it is found once that time is over.
 */
export const SURVEY_LIFETIME_MS = 30_000;
/** Pools that the first page reads, and by how much each further page is larger: a fuller space has rarer gaps. */
const FIRST_PAGE = 100;
const GROWTH = 4;
/** About 1 MB, which is the most that one query returns. */
const MAX_PAGE = 6_400;
/** The most gaps that are looked for at once. */
const MAX_GAPS = 16;
/** The most announcements that are read again at once. */
const MAX_RECHECKED = 16;

/** Where automatic pools of one size may be. */
export interface Area {
  readonly space: string;
  readonly ring: Ring;
  /** What the space excludes, of the family of the ring. */
  readonly excluded: readonly Cidr[];
}

/**
 * A stretch of a ring of candidates of which all pools are known. Gaps are drawn from it alone: candidates beyond it are
 * most likely taken in a crowded space, and each that is tried costs a write. What it knows holds for every host, so the
 * routes of a host are given with each question.
 */
export class Survey {
  readonly area: Area;
  /** ms since the epoch */
  readonly began: number;
  /** How many of the pools that it knows each host has created. */
  readonly creators = new Map<string, number>();
  /** Whole candidates, so that a stretch without gaps is one range however small its pools are. */
  readonly #taken: RangeSet;
  /** Announcements, which may be withdrawn, by their CIDR. */
  readonly #pending = new Map<string, Pool>();
  /** The stretch: the numbers of its first candidate, and of the one after its last. */
  readonly #first: bigint;
  #end: bigint;
  #page = FIRST_PAGE;
  /** What the last page took for each of its pools. */
  #msPerPool = 0;

  /** @param first the number of the candidate where it begins. @param began now. */
  constructor(area: Area, first: bigint, began: number) {
    this.area = area;
    this.began = began;
    this.#taken = new RangeSet(area.excluded.map(cidrRange));
    this.#first = first;
    this.#end = first;
  }

  /** How many candidates are known. */
  get known(): bigint {
    return this.#end - this.#first;
  }

  get isComplete(): boolean {
    return this.known === this.area.ring.count;
  }

  get hasPending(): boolean {
    return this.#pending.size > 0;
  }

  /** How many ranges it takes to remember it. */
  get ranges(): number {
    return this.#taken.size + this.#pending.size;
  }

  /** Whether a refusal may rest on it. A clock that was set back proves nothing. */
  isFresh(now: number): boolean {
    return this.began <= now && now < this.began + SURVEY_LIFETIME_MS;
  }

  /** ms for which it stays fresh; not positive when it is too old. */
  freshFor(now: number): number {
    return this.began + SURVEY_LIFETIME_MS - now;
  }

  /**
   * The first candidate that is not known to be taken, in the stretch or beyond it. `undefined`: no candidate is free.
   *
   * @param from the number of a candidate; by default the first one of the stretch.
   */
  firstClear(avoid: Obstacles, from = this.#first): bigint | undefined {
    return firstClear(this.area.ring, from, this.#obstacles(avoid));
  }

  /** The next candidates that are known to be free, a few at most. */
  gaps(avoid: Obstacles): bigint[] {
    const gaps: bigint[] = [];
    const obstacles = this.#obstacles(avoid);
    for (let at = this.#first; gaps.length < MAX_GAPS;) {
      const gap = firstClear(this.area.ring, at, obstacles);
      if (gap === undefined || gap >= this.#end) break;
      gaps.push(gap);
      at = gap + 1n;
    }
    return gaps;
  }

  #obstacles(avoid: Obstacles): Obstacles {
    const pending = new RangeSet([...this.#pending.values()].map(({ cidr }) => cidrRange(cidr)));
    return { meets: (range) => this.#taken.meets(range) ?? pending.meets(range) ?? avoid.meets(range) };
  }

  /** Records a pool, or removes it if it is an abandoned announcement. */
  async note({ store, world }: Deps, pool: Pool): Promise<void> {
    const key = formatCidr(pool.cidr);
    this.#pending.delete(key);
    if (pool.state !== 'pending') this.#take(pool);
    else if (hasExpired(pool, world.now())) await store.removePool(pool);
    else this.#pending.set(key, pool);
  }

  #take({ cidr, createdBy }: Pool): void {
    const { family, first, prefix } = cidr;
    const { size } = this.area.ring;
    this.#taken.add(cidrRange(cidrAt({ family, value: first }, Math.min(prefix, size))));
    if (!this.#isAhead(cidr)) this.creators.set(createdBy, (this.creators.get(createdBy) ?? 0) + 1);
  }

  /** Whether a pool is yet to be read, since it starts in a candidate beyond the stretch. */
  #isAhead({ family, first }: Cidr): boolean {
    const { ring } = this.area;
    const part = ring.parts.find(({ range }) => rangeContains(cidrRange(range), { family, value: first }));
    if (part === undefined) return false;
    const distance = numberAt(ring, part, first) - (this.#first % ring.count);
    return (distance < 0n ? distance + ring.count : distance) >= this.known;
  }

  /** Whether a page can be read by then. */
  hasTime({ world }: Pick<Deps, 'world'>, deadline: number): boolean {
    return this.#pageBy(world.now(), deadline) >= FIRST_PAGE;
  }

  /** How many pools the next page may have, so that it is read by then. */
  #pageBy(now: number, deadline: number): number {
    return Math.min(this.#page, Math.floor((deadline - now) / this.#msPerPool));
  }

  /** Reads the pools that follow the stretch, which becomes longer. After a failure the survey must not be used. */
  async extend(deps: Deps, deadline: number): Promise<void> {
    const { space, ring } = this.area;
    const began = deps.world.now();
    const at = this.#end % ring.count;
    const part = partAt(ring, at);
    const [partEnd, lapEnd] = [part.start + part.count, at + ring.count - this.known];
    const end = partEnd < lapEnd ? partEnd : lapEnd;
    const rest = { ...cidrRange(candidate(ring, end - 1n)), first: candidate(ring, at).first };
    const page = this.#pageBy(began, deadline);
    const { items, more } = await deps.store.poolsStartingIn(space, rest, undefined, page);
    const last = more ? items.at(-1) : undefined;
    // The candidate in which the last pool starts is taken, so it counts as known, whatever else is in it.
    this.#end += (last === undefined ? end : numberAt(ring, part, last.cidr.first) + 1n) - at;
    for (const pool of items) await this.note(deps, pool);
    this.#page = Math.min(MAX_PAGE, this.#page * GROWTH);
    this.#msPerPool = (deps.world.now() - began) / Math.max(FIRST_PAGE, items.length);
  }

  /** Reads some announcements again: those that are no longer there leave gaps. */
  async recheck(deps: Deps): Promise<void> {
    const { space } = this.area;
    await sideBySide([...this.#pending].slice(0, MAX_RECHECKED), async ([key, { cidr }]) => {
      const pool = await deps.store.readPool(space, cidr);
      this.#pending.delete(key);
      if (pool !== undefined) await this.note(deps, pool);
    });
  }
}
