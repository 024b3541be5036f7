/** What a host holds in the table, for the host to compare with what its Docker has. */
import { type Address, type Cidr, cidrRange, rangeContains } from '../../../protocol/address.ts';
import { isGlobalSpace } from '../../../protocol/ids.ts';
import { describeSlot } from '../addresses/holder.ts';
import { readStretch } from '../addresses/leases.ts';
import { isSearchable, orderIn, stretchesOf } from '../addresses/region.ts';
import { sideBySide } from '../all-settled.ts';
import type { Call } from '../call.ts';
import { addressAt } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import { type PoolId, decodePoolId, encodePoolId } from '../pool-id.ts';
import { isFormers } from '../ref-check.ts';
import type { Ref } from '../ref.ts';
import { type Slot, decodeSlot, readSlot } from '../slot.ts';
import { DEFAULT_SPACE } from '../space.ts';
import type { IndexedRef, Page } from '../store.ts';
import { openPoolId } from '../trusted-pool-id.ts';

/** A network of a host that has not ended. */
export interface Network {
  /** Valid for all operations on the network as a whole, but not identical to the one that dockerd was given. */
  readonly poolId: string;
  /** Identifies the network: two PoolIDs of one network have the same key. */
  readonly key: string;
  readonly ref: Ref;
}

export const networkKey = ({ generation, ref }: Pick<PoolId, 'generation' | 'ref'>): string => `${generation}.${ref}`;

/**
 * The networks of a host, except for those of the global space of swarm managers. They are found through the index, which
 * lags a little.
 *
 * @param after continues a page. @param known keys of networks that are left out, and not read.
 */
export async function networksOf(
  { store, world }: Deps,
  { hostId, driver }: Pick<Call, 'hostId' | 'driver'>,
  { after, known = [] }: { readonly after?: IndexedRef | undefined; readonly known?: readonly string[] } = {},
): Promise<{ readonly networks: readonly Network[]; readonly next: IndexedRef | undefined }> {
  const page: Page<IndexedRef> = await store.refsOfHost(hostId, after);
  const isKnown = new Set(known);
  const refs = await store.readRefs(
    page.items.filter(({ generation, name }) => !isKnown.has(networkKey({ generation, ref: name }))),
  );
  const networks = refs.flatMap((ref): Network[] => {
    if (ref.state === 'gone' || isGlobalSpace(ref.space)) return [];
    const { space, cidr, subPool, generation } = ref;
    const place = { space, cidr, subPool, generation, ref: ref.name, driver };
    // Without a seal: the table knows the network and confirms the PoolID whenever it is used.
    const poolId = encodePoolId(
      world,
      { ...place, order: orderIn(ref, 'spread'), cooldown: DEFAULT_SPACE.cooldown },
      undefined,
    );
    return [{ poolId, key: networkKey(place), ref }];
  });
  return { networks, next: page.more ? page.items.at(-1) : undefined };
}

export interface Lease {
  readonly address: Address;
  /** The key of its request: another lease of the same address has another key. */
  readonly requestKey: string;
}

export interface Holdings {
  readonly key: string;
  readonly cidr: Cidr;
  /** It is in the global space, where swarm managers hold what other hosts use: their own Docker does not show it. */
  readonly isPlan: boolean;
  /** `undefined`: the table no longer knows the network, which ended long ago. */
  readonly state: Ref['state'] | undefined;
  /** It is that of a machine that was this host before. */
  readonly isFormers: boolean;
  readonly leases: readonly Lease[];
  /** Those of the requested addresses that others hold, and their holders. */
  readonly others: readonly { readonly address: Address; readonly holder: string }[];
  /** Where the next page begins: the number of a chunk. `undefined`: this was the last. */
  readonly next: bigint | undefined;
}

/** The most groups of chunks that are read for one network and answer. */
const MAX_GROUPS = 16;
/** The leases after which an answer ends: a shim reads a megabyte at most, and a lease takes some 80 bytes. */
const MAX_LEASES = 4_096;

export interface HoldingsQuestion {
  readonly poolId: string;
  readonly addresses?: readonly Address[];
  /** The number of a chunk. */
  readonly from?: bigint;
  /** The most groups of chunks that are read. */
  readonly maxGroups?: number;
}

export interface Beginnings {
  /** Those of the first networks, in the order of the question. */
  readonly holdings: readonly Holdings[];
  /** Networks that could not be read: the holdings end before the first of them. */
  readonly failures: readonly { readonly poolId: string; readonly error: unknown }[];
}

/** Of a large pool. Mostly these are all that has to be read: the lowest, the home of the host, and an empty one behind it. */
const MAX_BEGINNING_GROUPS = 3;

/** ms before the deadline of a call after which no further network is read, so that the answer is given in time. */
const BEGINNINGS_MARGIN_MS = 3_000;

/**
 * What several networks lease, each from its beginning. The rest is left out once the answer is long, the time nearly over,
 * or a network cannot be read. The host asks again from there, so only a question that begins with that network fails.
 */
export async function beginningsOf(deps: Deps, call: Call, poolIds: readonly string[]): Promise<Beginnings> {
  const failures: { readonly poolId: string; readonly error: unknown }[] = [];
  const beginningOf = async (poolId: string): Promise<Holdings | undefined> => {
    try {
      const isLarge = !isSearchable(decodePoolId(deps.world, poolId, call));
      return await holdingsOf(deps, call, { poolId, maxGroups: isLarge ? MAX_BEGINNING_GROUPS : 1 });
    } catch (error) {
      failures.push({ poolId, error });
      return undefined;
    }
  };
  const isOver = (): boolean => failures.length > 0 || deps.world.now() >= call.deadline - BEGINNINGS_MARGIN_MS;
  const holdings: Holdings[] = [];
  let leases = 0;
  for (const held of await sideBySide(poolIds, beginningOf, isOver)) {
    leases += held?.leases.length ?? 0;
    if (held === undefined || leases > MAX_LEASES) break;
    holdings.push(held);
  }
  return { holdings, failures };
}

/**
 * What one network leases: among the given addresses, or else all, page by page. In a pool that is too large to be read
 * whole, these are the leases that `stretchesOf` leads to: only a look at an address itself proves that it is not leased.
 *
 * @param from continues a page.
 */
export async function holdingsOf(
  deps: Deps,
  call: Call,
  { poolId, addresses = [], from = 0n, maxGroups = MAX_GROUPS }: HoldingsQuestion,
): Promise<Holdings> {
  const id = await openPoolId(deps, poolId, call);
  if (id === undefined)
    return { ...NOTHING, ...about(decodePoolId(deps.world, poolId, call)), state: undefined, isFormers: false };
  const ref = await deps.store.readRef(id.generation, id.ref);
  const { leases, next } = addresses.length > 0 ? NOTHING : await leasesFrom(deps, id, { from, maxGroups });
  const asked = await Promise.all(
    addresses.filter((address) => isIn(id, address)).map((address) => look(deps, id, address)),
  );
  const own = asked.flatMap(({ address, slot }) => (isOwn(id, slot) ? [{ address, requestKey: slot.requestKey }] : []));
  const others = await Promise.all(
    asked.flatMap(({ address, slot }) =>
      slot === undefined || slot.kind === 'free' || isOwn(id, slot)
        ? []
        : [describeSlot(deps, id.generation, slot).then((holder) => ({ address, holder }))],
    ),
  );
  return {
    ...about(id),
    state: ref?.state,
    isFormers: ref !== undefined && isFormers(ref, call),
    leases: [...leases, ...own],
    others,
    next,
  };
}

const about = (id: PoolId): Pick<Holdings, 'key' | 'cidr' | 'isPlan'> => ({
  key: networkKey(id),
  cidr: id.cidr,
  isPlan: isGlobalSpace(id.space),
});

const NOTHING = { leases: [], others: [], next: undefined };

/** @param from the number of a chunk. */
async function leasesFrom(
  deps: Deps,
  id: PoolId,
  { from, maxGroups }: { readonly from: bigint; readonly maxGroups: number },
): Promise<{ readonly leases: readonly Lease[]; readonly next: bigint | undefined }> {
  const leases: Lease[] = [];
  const stretches = stretchesOf(deps.world, id, [id.ref])
    .filter(({ last }) => from <= last)
    .map((stretch) => (stretch.first < from ? { ...stretch, first: from } : stretch));
  let stretch = stretches.shift();
  for (let groups = 0; groups < maxGroups && stretch !== undefined && leases.length < MAX_LEASES; groups++) {
    const read = await readStretch(deps, id.generation, stretch);
    leases.push(
      ...read.leases.map(({ place, requestKey }) => ({
        address: addressAt(id.cidr, place.chunk, place.slot),
        requestKey,
      })),
    );
    stretch = read.left ?? stretches.shift();
  }
  return { leases, next: stretch?.first };
}

const isIn = ({ cidr }: PoolId, address: Address): boolean => rangeContains(cidrRange(cidr), address);

const isOwn = ({ ref }: PoolId, slot: Slot | undefined): slot is Slot & { readonly kind: 'leased' } =>
  slot?.kind === 'leased' && slot.ref === ref;

async function look(
  { store }: Deps,
  id: PoolId,
  address: Address,
): Promise<{ readonly address: Address; readonly slot: Slot | undefined }> {
  const { value } = await readSlot(store, id, address);
  return { address, slot: decodeSlot(value) };
}
