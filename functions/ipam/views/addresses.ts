/** Who has which address of a pool, for viewers. */
import { type Address, type Cidr, formatAddress } from '../../../protocol/address.ts';
import { sequenceOf } from '../../../protocol/request-key.ts';
import { leasesOf } from '../addresses/leases.ts';
import { isSearchable } from '../addresses/region.ts';
import { type Chunk, addressAt } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import type { Pool } from '../pool.ts';
import { type Ref, isRefName } from '../ref.ts';
import { type Slot, decodeSlot, readSlot } from '../slot.ts';
import { placeInGroups, refusePlace } from './place.ts';
import { groupsOf } from './pool-view.ts';
import { poolAt } from './pools.ts';

/** The addresses after which a page ends: one group of chunks more at most. */
const PAGE_ADDRESSES = 512;
/** The most groups that one page reads, each at most 16 read units. */
export const PAGE_GROUPS = 16;
/** The most references of a large pool that one page visits. */
const PAGE_REFS = 16;

export interface AddressState {
  readonly address: Address;
  readonly state: 'leased' | 'reserved' | 'resting' | 'free';
  /** '': nobody, or a host that the table no longer knows. */
  readonly host: string;
  readonly mac: string;
  readonly endpoint: string;
  /** ms: since when it is so. */
  readonly since: number | undefined;
}

export interface AddressPage {
  readonly addresses: readonly AddressState[];
  /** `false`: addresses that users chose in a large pool may be missing. */
  readonly isAll: boolean;
  /** Where the next page begins. `undefined`: this was the last. */
  readonly next: string | undefined;
}

/**
 * The addresses of a pool that are leased, reserved or resting.
 *
 * @param after where the page before has ended: a group, or in a large pool the name of a reference.
 * @param deadline ms: the page ends then.
 * @returns `undefined`: there is no such pool.
 */
export async function listAddresses(
  deps: Deps,
  space: string,
  cidr: Cidr,
  after: string | undefined,
  deadline: number,
): Promise<AddressPage | undefined> {
  const pool = await deps.store.readPool(space, cidr);
  if (pool === undefined) return undefined;
  return addressesAfter(deps, pool, after, deadline);
}

/** The same, of a pool that was read. */
export function addressesAfter(
  deps: Deps,
  pool: Pool,
  after: string | undefined,
  deadline: number,
): Promise<AddressPage> {
  const isOver = (): boolean => deps.world.now() >= deadline;
  return isSearchable(pool) ? smallPage(deps, pool, after, isOver) : largePage(deps, pool, after, isOver);
}

async function smallPage(
  deps: Deps,
  pool: Pool,
  after: string | undefined,
  isOver: () => boolean,
): Promise<AddressPage> {
  const groups = groupsOf(pool.cidr);
  const start = placeInGroups(after, groups.length);
  const found: FoundSlot[] = [];
  let group = start;
  for (; group < groups.length && group < start + PAGE_GROUPS && found.length < PAGE_ADDRESSES; group++) {
    const segment = groups[group];
    if (segment === undefined || (isOver() && group > start)) break;
    const chunks = await deps.store.readChunks(pool.generation, segment.first, segment.last);
    found.push(...chunks.flatMap((chunk) => slotsOf(pool, chunk, deps.world.now())));
  }
  const next = group < groups.length ? String(group) : undefined;
  return { addresses: await withHosts(deps, pool, found), isAll: true, next };
}

async function largePage(
  deps: Deps,
  pool: Pool,
  after: string | undefined,
  isOver: () => boolean,
): Promise<AddressPage> {
  refusePlace(after, isRefName);
  const { items, more } = await deps.store.refsOf(pool.generation, after);
  const found: FoundSlot[] = [];
  let last: string | undefined;
  let visited = 0;
  for (const ref of items) {
    if (visited > 0 && (visited === PAGE_REFS || found.length >= PAGE_ADDRESSES || isOver())) break;
    visited++;
    last = ref.name;
    if (ref.state === 'gone') continue;
    for await (const leases of leasesOf(deps, [ref], isOver)) {
      found.push(
        ...leases.map(({ place, value }) => ({
          address: addressAt(pool.cidr, place.chunk, place.slot),
          slot: decodeSlot(value),
        })),
      );
    }
  }
  const next = visited < items.length || more ? last : undefined;
  return { addresses: await withHosts(deps, pool, found), isAll: false, next };
}

export interface FoundSlot {
  readonly address: Address;
  readonly slot: Slot;
}

/** The slots of a chunk that are not simply free. */
export const slotsOf = ({ cidr, cooldown }: Pool, { index, slots }: Chunk, now: number): FoundSlot[] =>
  slots.flatMap((value, number) => {
    const slot = decodeSlot(value);
    if (slot === undefined || (slot.kind === 'free' && now >= slot.releasedAt + cooldown)) return [];
    return [{ address: addressAt(cidr, index, number), slot }];
  });

/** Names the hosts of the slots: their references are read, each once. */
async function withHosts(deps: Deps, pool: Pool, found: readonly FoundSlot[]): Promise<AddressState[]> {
  const names = new Set(found.flatMap(({ slot }) => (slot.kind === 'free' ? [] : [slot.ref])));
  const refs = await deps.store.readRefs([...names].map((name) => ({ generation: pool.generation, name })));
  const byName = new Map(refs.map((ref) => [ref.name, ref]));
  return found.map(({ address, slot }) => stateOf(address, slot, byName));
}

function stateOf(address: Address, slot: Slot, refs: ReadonlyMap<string, Ref>): AddressState {
  const nobody = { address, host: '', mac: '', endpoint: '' };
  switch (slot.kind) {
    case 'free':
      return { ...nobody, state: 'resting', since: slot.releasedAt };
    case 'reserved':
      return { ...nobody, state: 'reserved', host: refs.get(slot.ref)?.hostId ?? '', since: timeOf(slot.sequence) };
    case 'leased': {
      const { mac, name: endpoint, requestKey } = slot;
      const host = refs.get(slot.ref)?.hostId ?? '';
      return { address, state: 'leased', host, mac, endpoint, since: timeOf(sequenceOf(requestKey)) };
    }
  }
}

/** ms, by the clock of the host. `undefined`: no request has set it. */
const timeOf = (sequence: string): number | undefined => parseInt(sequence, 36) || undefined;

export interface Whose extends AddressState {
  readonly pool: Pool;
}

/** Who has an address of a space now. @returns `undefined`: it is in no pool. */
export async function whoseAddress(deps: Deps, space: string, address: Address): Promise<Whose | undefined> {
  const pool = await poolAt(deps, space, address);
  if (pool === undefined) return undefined;
  const { value } = await readSlot(deps.store, pool, address);
  const slot = decodeSlot(value);
  const isFree = slot === undefined || (slot.kind === 'free' && deps.world.now() >= slot.releasedAt + pool.cooldown);
  if (isFree) return { pool, address, state: 'free', host: '', mac: '', endpoint: '', since: undefined };
  const [state] = await withHosts(deps, pool, [{ address, slot }]);
  if (state === undefined) throw new Error(`nothing is known of ${formatAddress(address)}`);
  return { ...state, pool };
}
