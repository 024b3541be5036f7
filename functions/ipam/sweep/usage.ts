/** How full pools are, counted while a sweep walks over all items. */
import { formatCidr, usableRange } from '../../../protocol/address.ts';
import { CHUNKS_PER_GROUP, CHUNK_SIZE, type Chunk } from '../chunk.ts';
import type { Ref } from '../ref.ts';
import { decodeSlot } from '../slot.ts';
import type { PoolUse, Usage } from '../sweep-cursor.ts';

export const NOTHING_COUNTED: Usage = { pools: 0, held: 0, fullest: [], open: {} };

/** The most pools that are named. */
const MAX_NAMED_POOLS = 10;
/** The usable addresses of a /28: smaller pools are not named. */
const MIN_NAMED_ADDRESSES = 14;
/** The most pools that are counted at once, so that the saved state of a walk stays small. Further ones are left out. */
const MAX_OPEN_POOLS = 1_000;
/** A pool of so many addresses is one group of chunks, which a walk meets one after the other. */
const GROUP_ADDRESSES = CHUNK_SIZE * Number(CHUNKS_PER_GROUP);

export const fullness = ({ held, size }: PoolUse): number => held / size;

/** Counts chunks of the pool of a reference. */
export function countChunks(usage: Usage, ref: Ref, chunks: readonly Chunk[]): Usage {
  const { generation } = ref;
  const known = usage.open[generation];
  if (known === undefined && Object.keys(usage.open).length >= MAX_OPEN_POOLS) return usage;
  const pool = known ?? begin(ref);
  const held = chunks.reduce((sum, chunk) => sum + heldIn(chunk), pool.held);
  return { ...usage, open: { ...usage.open, [generation]: { ...pool, held } } };
}

function begin({ space, cidr }: Ref): PoolUse {
  const usable = usableRange(cidr);
  const size = usable === undefined ? 1 : Number(usable.last - usable.first) + 1;
  return { space, cidr: formatCidr(cidr), size, held: 0 };
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
  return {
    pools: usage.pools + over.length,
    held: over.reduce((sum, { held }) => sum + held, usage.held),
    fullest: [...usage.fullest, ...over.filter(({ size }) => size >= MIN_NAMED_ADDRESSES)]
      .sort((a, b) => fullness(b) - fullness(a))
      .slice(0, MAX_NAMED_POOLS),
    open: Object.fromEntries(all.filter(([generation, pool]) => !isOver(generation, pool))),
  };
}
