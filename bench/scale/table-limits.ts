/** The capacity of a table, as DynamoDB limits it. The same code limits the simulated table and, in the check, a real one. */
import type { Units } from '../fleet-count.ts';
import { ON_DEMAND, PARTITION } from './limits.ts';

/** Refills evenly up to what one second brings: DynamoDB's burst capacity is not promised, and not counted on. */
export class Bucket {
  readonly #now: () => number;
  readonly #perSecond: number;
  readonly #most: number;
  #balance: number;
  #at: number;

  /** @param most what it holds at most; by default what one second brings, and one thing at least. */
  constructor(now: () => number, perSecond: number, most = Math.max(1, perSecond)) {
    this.#now = now;
    this.#perSecond = perSecond;
    this.#most = most;
    this.#balance = most;
    this.#at = now();
  }

  get hasRoom(): boolean {
    const now = this.#now();
    this.#balance = Math.min(this.#most, this.#balance + ((now - this.#at) * this.#perSecond) / 1_000);
    this.#at = now;
    return this.#balance > 0;
  }

  /** What a request takes is known once it is answered, so the last one before the limit may take more than there is. */
  take(amount: number): void {
    this.#balance -= amount;
  }
}

interface Pair {
  readonly writes: Bucket;
  readonly reads: Bucket;
}

export interface TableRoom {
  /** ms */
  readonly now: () => number;
  /** What the stack lets the table take, and what it took before (units a second). */
  readonly most: Units;
  readonly previousPeak: Units;
  /** Every limit is divided by this: of a fleet, so many hosts are simulated as one. */
  readonly weight: number;
}

export interface Asked {
  /** A partition that many callers share. `undefined`: one that its caller has for itself. */
  readonly partition: string | undefined;
  readonly isWrite: boolean;
  readonly isIndexed: boolean;
}

const rate = (units: Units, weight: number): Units => ({ writes: units.writes / weight, reads: units.reads / weight });

export class TableLimits {
  readonly #room: TableRoom;
  readonly #whole: Pair;
  /** An index has its own capacity. A write that it cannot take is refused by the table. */
  readonly #index: Pair;
  readonly #partitions = new Map<string, Pair>();
  readonly #isGrown: boolean;

  constructor(room: TableRoom) {
    this.#room = room;
    const { initial, growth } = ON_DEMAND;
    const grown = (of: keyof Units): number => Math.max(initial[of], growth * room.previousPeak[of]);
    const now = { writes: grown('writes'), reads: grown('reads') };
    this.#isGrown = now.writes >= room.most.writes && now.reads >= room.most.reads;
    this.#index = this.#pair(now);
    this.#whole = this.#pair({
      writes: Math.min(room.most.writes, now.writes),
      reads: Math.min(room.most.reads, now.reads),
    });
  }

  /** @returns why a request is throttled. `undefined`: it is carried out, and `take` says what it took. */
  refusal({ partition, isWrite, isIndexed }: Asked): string | undefined {
    const of = isWrite ? 'writes' : 'reads';
    if (partition !== undefined && !this.#partition(partition)[of].hasRoom) return `partition ${partition}: ${of}`;
    if (isIndexed && !this.#index[of].hasRoom) return `index: ${of}`;
    if (this.#whole[of].hasRoom) return undefined;
    return this.#isGrown ? `maximum of the table: ${of}` : `growth of the table: ${of}`;
  }

  take({ partition, isWrite }: Asked, own: number, index: number): void {
    const of = isWrite ? 'writes' : 'reads';
    if (partition !== undefined) this.#partition(partition)[of].take(own);
    this.#whole[of].take(own);
    this.#index[of].take(index);
  }

  #partition(name: string): Pair {
    const known = this.#partitions.get(name) ?? this.#pair(PARTITION);
    this.#partitions.set(name, known);
    return known;
  }

  #pair(units: Units): Pair {
    const { now, weight } = this.#room;
    const { writes, reads } = rate(units, weight);
    return { writes: new Bucket(now, writes), reads: new Bucket(now, reads) };
  }
}
