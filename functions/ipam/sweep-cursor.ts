/** Where a sweep continues, and what it has counted so far: plain values, kept from one run to the next. */

/** How full a pool is. */
export interface PoolUse {
  readonly space: string;
  readonly cidr: string;
  /** Addresses that can be given out, the gateway included. */
  readonly size: number;
  /** Addresses that are leased or reserved. */
  readonly held: number;
}

/** What a space holds. */
export interface SpaceUse {
  readonly pools4: number;
  readonly pools6: number;
  /** Addresses of its IPv4 pools that can be given out. */
  readonly size4: number;
  /** Addresses that are leased or reserved. */
  readonly held4: number;
  readonly held6: number;
}

/** What a walk has counted so far. */
export interface Usage {
  /** Pools that are counted completely. */
  readonly pools: number;
  /** Addresses that are held in them. */
  readonly held: number;
  /** The fullest of them, fullest first. Tiny ones are left out: they are full by intent. */
  readonly fullest: readonly PoolUse[];
  /** What spaces hold, by their names. */
  readonly spaces: Readonly<Record<string, SpaceUse>>;
  /** Pools of which more chunks may follow, by generation. */
  readonly open: Readonly<Record<string, PoolUse>>;
}

/** Where the next sweep continues. */
export interface SweepCursor {
  readonly shard: number;
  /** The host of that shard that was looked at last. */
  readonly host: string | undefined;
  /** Fenced hosts that this tour of all hosts has met so far. */
  readonly fenced: number;
  /** How far the walk over all items has come. `undefined`: a new walk begins. */
  readonly item: string | undefined;
  /** ms: when the last walk ended. */
  readonly walkedAt: number;
  /** What the walk has counted so far. `undefined`: no walk is under way. */
  readonly usage: Usage | undefined;
}

export const FIRST_CURSOR: SweepCursor = {
  shard: 0,
  host: undefined,
  fenced: 0,
  item: undefined,
  walkedAt: 0,
  usage: undefined,
};
