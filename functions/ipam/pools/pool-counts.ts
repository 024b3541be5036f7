/** How many pools a space had recently, as one process counted them. */
import type { Pool } from '../pool.ts';

/**
 * The most pools that are announced in one space in one ms. Each is a write to the partition of the space, which takes 1,000
 * a second (docs.aws.amazon.com/amazondynamodb, "Burst and adaptive capacity"). This is twice as many, since DynamoDB may
 * split a busy partition.
 */
const POOLS_PER_MS = 2;
/** The most spaces and families whose count a process keeps. */
const MAX_COUNTS = 1_000;

interface Count {
  /** Pools that the count has found, and those that this process has announced since. */
  pools: number;
  /** ms: when the count began. */
  readonly began: number;
}

type Counted = Pick<Pool, 'space' | 'cidr'>;

export class PoolCounts {
  readonly #counts = new Map<string, Count>();

  /** @param pools of the space and the family, announcements included. @param began ms: when the count began. */
  remember(pool: Counted, pools: number, began: number): void {
    if (this.#counts.size >= MAX_COUNTS) this.#counts.clear();
    this.#counts.set(placeOf(pool), { pools, began });
  }

  /**
   * Whether an announced pool has room, whatever others have announced since the last count. All pools that could leave it
   * none were announced before it: either before the count began, so that it has found them, or afterwards, and then
   * `POOLS_PER_MS` bounds how many they are. Those that are announced later count this one.
   *
   * @param now ms, read after the announcement.
   */
  showRoom(pool: Counted, max: number, now: number): boolean {
    const count = this.#counts.get(placeOf(pool));
    if (count === undefined || now < count.began) return false;
    // Both times are whole milliseconds.
    const hasRoom = count.pools + POOLS_PER_MS * (now - count.began + 1) < max;
    if (hasRoom) count.pools++;
    return hasRoom;
  }
}

const placeOf = ({ space, cidr }: Counted): string => `${space} ${cidr.family}`;
