/**
 * What history keeps of a change of the table: only what says who had which address. Entries are facts. A function that writes one
 * twice, or in another order, changes nothing: a reader orders the entries of one item by sequence, and drops repeats.
 */
import { type Cidr, formatCidr } from '../../../protocol/address.ts';
import type { Chunk } from '../chunk.ts';
import type { Host } from '../host.ts';
import type { Pool } from '../pool.ts';
import type { Ref } from '../ref.ts';
import { type World, digestText } from '../world.ts';

/** When a change happened, by the table's own clock, and its place among the changes of its item. */
export interface Moment {
  /** Seconds since the epoch: the stream has no finer time. */
  readonly second: number;
  /** Grows with each change of one item. */
  readonly sequence: bigint;
}

/** An item before and after a change. `undefined`: it was not there. */
interface Images<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** One record of the table's stream. */
export type TableChange = Moment &
  (
    | (Images<Chunk> & { readonly kind: 'chunk'; readonly generation: string })
    | (Images<Pool> & { readonly kind: 'pool' })
    | (Images<Ref> & { readonly kind: 'ref' })
    | (Images<Host> & { readonly kind: 'host' })
    | { readonly kind: 'other' }
    /** It cannot be read: what it said is lost. */
    | { readonly kind: 'unreadable'; readonly why: string }
  );

/** A pool as an address of it needs it. */
export interface PoolState {
  readonly generation: string;
  readonly rev: string;
  readonly state: Pool['state'];
  /** ms */
  readonly cooldown: number;
  readonly createdBy: string;
}

export interface SlotEntry extends Moment {
  readonly kind: 'slot';
  readonly generation: string;
  readonly chunk: bigint;
  readonly slot: number;
  /** A check of the value before, so that a lost change shows. */
  readonly was: string;
  /** `undefined`: never used, or removed with its pool. */
  readonly now: string | undefined;
}

export interface PoolEntry extends Moment {
  readonly kind: 'pool';
  readonly space: string;
  readonly cidr: Cidr;
  /** A check of the state before. */
  readonly was: string;
  /** `undefined`: it was removed. */
  readonly now: PoolState | undefined;
}

/** Whose a reference is. That never changes. */
export interface RefEntry extends Moment {
  readonly kind: 'ref';
  readonly generation: string;
  readonly name: string;
  readonly host: string;
}

/** A host entered another state. */
export interface HostEntry extends Moment {
  readonly kind: 'host';
  readonly host: string;
  readonly state: Host['state'];
  readonly why: string;
}

export type Entry = SlotEntry | PoolEntry | RefEntry | HostEntry;

const CHECK_WIDTH = 5;

/** A check of a slot's value: of two different values, one in 60 million pairs has the same. */
export const checkOf = (world: World, value: string | undefined): string =>
  value === undefined ? '' : digestText(world, value, CHECK_WIDTH);

/** Each state of a pool has a `rev` of its own. */
export const poolCheck = (state: Pick<Pool, 'rev'> | undefined): string => state?.rev ?? '';

/** What is kept of a change. Heartbeats, and changes that do not touch an address, leave nothing. */
export function entriesOf(world: World, change: TableChange): Entry[] {
  const { second, sequence } = change;
  const moment: Moment = { second, sequence };
  switch (change.kind) {
    case 'chunk':
      return slotEntries(world, moment, change);
    case 'pool':
      return poolEntries(moment, change);
    case 'ref':
      return refEntries(moment, change);
    case 'host':
      return hostEntries(moment, change);
    case 'other':
    case 'unreadable':
      return [];
  }
}

type ChangeOf<Kind extends TableChange['kind']> = Extract<TableChange, { kind: Kind }>;

function slotEntries(world: World, moment: Moment, { generation, before, after }: ChangeOf<'chunk'>): SlotEntry[] {
  const some = after ?? before;
  if (some === undefined) return [];
  return some.slots.flatMap((_, slot): SlotEntry[] => {
    const [was, now] = [before?.slots[slot], after?.slots[slot]];
    if (was === now) return [];
    return [{ ...moment, kind: 'slot', generation, chunk: some.index, slot, was: checkOf(world, was), now }];
  });
}

function poolEntries(moment: Moment, { before, after }: ChangeOf<'pool'>): PoolEntry[] {
  const some = after ?? before;
  if (some === undefined) return [];
  const { space, cidr } = some;
  const now = after && poolState(after);
  return [{ ...moment, kind: 'pool', space, cidr, was: poolCheck(before), now }];
}

export const poolState = ({ generation, rev, state, cooldown, createdBy }: Pool): PoolState => ({
  generation,
  rev,
  state,
  cooldown,
  createdBy,
});

function refEntries(moment: Moment, { before, after }: ChangeOf<'ref'>): RefEntry[] {
  if (before !== undefined || after === undefined) return [];
  return [{ ...moment, kind: 'ref', generation: after.generation, name: after.name, host: after.hostId }];
}

function hostEntries(moment: Moment, { before, after }: ChangeOf<'host'>): HostEntry[] {
  if (after === undefined || (before?.state === after.state && before.epoch === after.epoch)) return [];
  return [{ ...moment, kind: 'host', host: after.id, state: after.state, why: after.why }];
}

/** What a pool is called in a space: the item of which its entries are changes. */
export const poolName = (space: string, cidr: Cidr): string => `${space} ${formatCidr(cidr)}`;
