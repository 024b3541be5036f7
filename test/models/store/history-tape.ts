/** The table's stream as AWS keeps it, over what was recorded of the real one: every way in which it may trouble its reader. */
import type { TableChange } from '../../../functions/ipam/history/entry.ts';
import type { ChangeStream, ShardPage, Stream } from '../../../functions/ipam/history/store.ts';
import type { TestWorld } from '../../support/world.ts';

/** A random number in `[0, bound)`. */
export type Dice = (bound: number) => number;

export function dice(seed: number): Dice {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

interface Taped {
  readonly change: TableChange;
  readonly shard: string;
}

/** The stream as AWS keeps it: shards that close and have children, parts that are removed, another stream. */
export class Tape {
  readonly #world: TestWorld;
  readonly #all: Taped[] = [];
  #era = 0;
  #name = 0;
  /** Shards of earlier eras are no longer there. */
  #oldest = 0;
  /** Changes before it are no longer there. */
  #trimmed = 0;

  constructor(world: TestWorld) {
    this.#world = world;
  }

  get length(): number {
    return this.#all.length;
  }

  add(changes: readonly TableChange[]): void {
    const second = Math.floor(this.#world.now() / 1_000);
    for (const change of changes) this.#all.push({ change: { ...change, second }, shard: this.#shard(laneOf(change)) });
  }

  #shard(lane: number, era = this.#era): string {
    return `${this.#name}-${lane}-${era}`;
  }

  /** All shards close, and each has a child. */
  split(): void {
    this.#era++;
  }

  expire(): void {
    this.#oldest = this.#era;
  }

  trim(): void {
    this.#trimmed = this.#all.length;
  }

  /** The stream was off, then on again. */
  rename(): void {
    this.#name++;
    this.#oldest = ++this.#era;
  }

  /** @param roll decides how much one answer holds, and whether some of it comes twice. */
  stream(roll: Dice): ChangeStream {
    return {
      describe: () => Promise.resolve(this.#describe()),
      begin: (_, shard, after) => Promise.resolve(this.#begin(shard, after)),
      read: (place) => Promise.resolve(this.#read(place, roll)),
    };
  }

  #describe(): Stream {
    const eras = Array.from({ length: this.#era - this.#oldest + 1 }, (_, i) => this.#oldest + i);
    const shards = eras.flatMap((era) =>
      LANES.map((lane) => ({ id: this.#shard(lane, era), parent: era === 0 ? undefined : this.#shard(lane, era - 1) })),
    );
    return { name: String(this.#name), shards: shards.toReversed() };
  }

  #begin(shard: string, after: string | undefined): string | undefined {
    const from = after === undefined ? this.#trimmed : this.#indexOf(shard, after) + 1;
    const isLost = this.#all.slice(from, this.#trimmed).some((each) => each.shard === shard);
    return isLost ? undefined : `${shard}:${from}`;
  }

  #indexOf(shard: string, sequence: string): number {
    return this.#all.findIndex((each) => each.shard === shard && String(each.change.sequence) === sequence);
  }

  #read(place: string, roll: Dice): ShardPage {
    const [shard = '', from = ''] = place.split(':');
    const back = roll(5) === 0 ? roll(4) : 0;
    const start = Math.max(Number(from) - back, this.#trimmed, 0);
    const end = Math.max(start, Number(from)) + roll(60);
    const found = this.#all.slice(start, end).filter((each) => each.shard === shard);
    const isClosed = Number(shard.split('-')[2]) < this.#era;
    const isLast = !this.#all.slice(end).some((each) => each.shard === shard);
    // An empty answer says that the end was reached.
    if (found.length === 0 && !isLast) return this.#read(`${shard}:${end}`, roll);
    const last = found.at(-1)?.change.sequence;
    return {
      changes: found.map(({ change }) => change),
      next: isClosed && isLast ? undefined : `${shard}:${Math.min(end, this.#all.length)}`,
      last: last === undefined ? undefined : String(last),
    };
  }
}

const LANES = [0, 1];
const laneOf = (change: TableChange): number =>
  change.kind === 'chunk' ? change.generation.charCodeAt(11) % LANES.length : 0;
