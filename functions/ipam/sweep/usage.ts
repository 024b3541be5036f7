/** How full pools are, counted while a sweep walks over all items. */
import { type Cidr, formatCidr, usableRange } from '../../../protocol/address.ts';
import { CHUNKS_PER_GROUP, CHUNK_SIZE, type Chunk } from '../chunk.ts';
import type { Pool } from '../pool.ts';
import type { Ref } from '../ref.ts';
import { decodeSlot } from '../slot.ts';
import type { PoolUse, SpaceUse, Usage } from '../sweep-cursor.ts';

export const NOTHING_COUNTED: Usage = { pools: 0, held: 0, fullest: [], spaces: {}, open: {} };

/** The most pools that are named. */
const MAX_NAMED_POOLS = 10;
/** The usable addresses of a /28: smaller pools are not named. */
const MIN_NAMED_ADDRESSES = 14;
/** The most pools that are counted at once, so that the saved state of a walk stays small. Further ones are left out. */
const MAX_OPEN_POOLS = 1_000;
/** The most spaces that are counted, for the same reason. */
const MAX_SPACES = 1_000;
/** A pool of so many addresses is one group of chunks, which a walk meets one after the other. */
const GROUP_ADDRESSES = CHUNK_SIZE * Number(CHUNKS_PER_GROUP);

export const fullness = ({ held, size }: PoolUse): number => held / size;

const EMPTY_SPACE: SpaceUse = { pools4: 0, pools6: 0, size4: 0, held4: 0, held6: 0 };

/** Counts pools by their spaces. */
export function countPools(usage: Usage, pools: readonly Pool[]): Usage {
  const standing = pools.filter(({ state }) => state !== 'pending');
  return {
    ...usage,
    spaces: standing.reduce((spaces, pool) => addTo(spaces, pool.space, shareOf(pool)), usage.spaces),
  };
}

const shareOf = ({ cidr }: Pool): Partial<SpaceUse> =>
  cidr.family === 4 ? { pools4: 1, size4: sizeOf(cidr) } : { pools6: 1 };

function addTo(spaces: Usage['spaces'], space: string, more: Partial<SpaceUse>): Usage['spaces'] {
  const known = spaces[space];
  if (known === undefined && Object.keys(spaces).length >= MAX_SPACES) return spaces;
  const { pools4, pools6, size4, held4, held6 } = known ?? EMPTY_SPACE;
  return {
    ...spaces,
    [space]: {
      pools4: pools4 + (more.pools4 ?? 0),
      pools6: pools6 + (more.pools6 ?? 0),
      size4: size4 + (more.size4 ?? 0),
      held4: held4 + (more.held4 ?? 0),
      held6: held6 + (more.held6 ?? 0),
    },
  };
}

/** Counts chunks of the pool of a reference. */
export function countChunks(usage: Usage, ref: Ref, chunks: readonly Chunk[]): Usage {
  const { generation } = ref;
  const known = usage.open[generation];
  if (known === undefined && Object.keys(usage.open).length >= MAX_OPEN_POOLS) return usage;
  const pool = known ?? begin(ref);
  const held = chunks.reduce((sum, chunk) => sum + heldIn(chunk), pool.held);
  return { ...usage, open: { ...usage.open, [generation]: { ...pool, held } } };
}

const begin = ({ space, cidr }: Ref): PoolUse => ({ space, cidr: formatCidr(cidr), size: sizeOf(cidr), held: 0 });

function sizeOf(cidr: Cidr): number {
  const usable = usableRange(cidr);
  return usable === undefined ? 1 : Number(usable.last - usable.first) + 1;
}

const heldIn = ({ slots }: Chunk): number =>
  slots.filter((value) => value !== undefined && decodeSlot(value).kind !== 'free').length;

/** Ends the count of pools of which no more chunks can follow, now that the walk is at chunks of this generation. */
export const passed = (usage: Usage, at: string | undefined): Usage =>
  close(usage, (generation, { size }) => generation !== at && size <= GROUP_ADDRESSES);

/** Ends all counts: the walk is over. */
export const concluded = (usage: Usage): Usage => close(usage, () => true);

function close(usage: Usage, isOver: (generation: string, pool: PoolUse) => boolean): Usage {
  const all = Object.entries(usage.open);
  const over = all.filter(([generation, pool]) => isOver(generation, pool)).map(([, pool]) => pool);
  if (over.length === 0) return usage;
  const heldBy = ({ cidr, held }: PoolUse): Partial<SpaceUse> =>
    cidr.includes(':') ? { held6: held } : { held4: held };
  return {
    spaces: over.reduce((spaces, pool) => addTo(spaces, pool.space, heldBy(pool)), usage.spaces),
    pools: usage.pools + over.length,
    held: over.reduce((sum, { held }) => sum + held, usage.held),
    fullest: [...usage.fullest, ...over.filter(({ size }) => size >= MIN_NAMED_ADDRESSES)]
      .sort((a, b) => fullness(b) - fullness(a))
      .slice(0, MAX_NAMED_POOLS),
    open: Object.fromEntries(all.filter(([generation, pool]) => !isOver(generation, pool))),
  };
}
