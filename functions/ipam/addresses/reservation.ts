/**
 * Addresses that a pool keeps from all endpoints: the gateway, auxiliary addresses, `berth.reserve`. They are shared: every
 * network on the pool may ask for the same one (docs/data-model.md, "Free and justify").
 */
import { type Address, type Range, formatAddress, formatCidr, rangeContains } from '../../../protocol/address.ts';
import { sequenceOf } from '../../../protocol/request-key.ts';
import { allSettledOrThrow, sideBySide } from '../all-settled.ts';
import type { Call } from '../call.ts';
import { type SlotPlace, placeOf } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import { pages } from '../pages.ts';
import type { PoolId } from '../pool-id.ts';
import { refuseUnfit, refuseUnusable } from '../ref-check.ts';
import { type Kept, type Ref, hostTagOf } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import { decodeSlot, encodeSlot, readSlot } from '../slot.ts';
import type { Store } from '../store.ts';
import { takeSeen } from './claim-exact.ts';
import { describeSlot, refuseHeld } from './holder.ts';
import { releaserTag } from './releaser.ts';

const MAX_TRIES = 8;
/** The most addresses that one network keeps from endpoints, without its gateway. */
const MAX_RESERVED_ADDRESSES = 512n;

const single = ({ family, value }: Address): Range => ({ family, first: value, last: value });

function* addressesIn(ranges: readonly Range[]): Generator<Address> {
  for (const { family, first, last } of ranges) {
    for (let value = first; value <= last; value += 1n) yield { family, value };
  }
}

/** Whether a network keeps an address from all endpoints: as its gateway, or otherwise. */
export const keeps = ({ gateway, reserved }: Pick<Ref, 'gateway' | 'reserved'>, address: Address): boolean =>
  gateway?.value === address.value || reserved.some((range) => rangeContains(range, address));

/** What a reference restores: an earlier life of its pool, and its own tombstone there, if it still exists. */
export interface Former {
  readonly generation: string;
  readonly ref: Ref | undefined;
}

/**
 * Adds a reference, then checks whether its host may have one, and stamps the default gateway that it keeps. If an
 * endpoint holds that address already (another network has moved its gateway elsewhere), the endpoint keeps it. In a new
 * pool no endpoint can hold it yet.
 *
 * @throws Refusal when its host may not have one, or when the reference was ended in the meantime with the host's others.
 */
export async function addRefWithGateway(
  deps: Deps,
  call: Call,
  ref: Ref,
  { isNewborn, former }: { readonly isNewborn: boolean; readonly former: Former | undefined },
): Promise<void> {
  const { gateway } = ref;
  const [isAdded, seen] = await allSettledOrThrow([
    former === undefined ? deps.store.addRef(ref) : deps.store.reviveRef(ref, former.ref),
    gateway === undefined || isNewborn ? undefined : readSlot(deps.store, ref, gateway),
  ]);
  if (!isAdded)
    throw new Refusal('pool-gone', `the network on ${formatCidr(ref.cidr)} ended while it was being created`);
  const [host] = await allSettledOrThrow([
    deps.store.readHost(ref.hostId),
    gateway === undefined ? undefined : stamp(deps, call, ref, { address: gateway, seen: seen?.value }),
  ]);
  refuseUnfit(host, call);
}

/** Reserves every address that a reference lists through `berth.reserve`. @throws Refusal when an endpoint holds one. */
export async function reserveListed(deps: Deps, call: Call, ref: Ref, ranges: readonly Range[]): Promise<void> {
  for (const address of addressesIn(ranges)) await stampOrRefuse(deps, call, ref, { address, seen: undefined });
}

/**
 * Reserves an address for the network behind a PoolID. The reference lists it first, then the slot is stamped.
 *
 * Docker's own allocator does not give a network the same address twice, not even as a reservation: only different
 * networks share one.
 *
 * @param wanted `isGateway`: if it differs from the default gateway, this network no longer needs the default one.
 * @throws Refusal when an endpoint holds the address, or this very network was asked to keep it by another request
 * (dockerd asks for the gateway first), or the network is gone.
 */
export async function reserveAddress(
  deps: Deps,
  call: Call,
  id: PoolId,
  { address, isGateway }: { readonly address: Address; readonly isGateway: boolean },
): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const [ref, seen] = await allSettledOrThrow([
      deps.store.readRef(id.generation, id.ref),
      readSlot(deps.store, id, address),
    ]);
    refuseUnusable(ref, id, call);
    if (!isGateway) refuseAskedTwice(ref, address, call);
    const unneeded = isGateway && ref.gateway?.value !== address.value ? ref.gateway : undefined;
    if (await keep(deps, call, ref, { address, unneeded })) {
      await stampOrRefuse(deps, call, ref, { address, seen: seen.value });
      if (unneeded !== undefined) await freeUnkept(deps, call, ref, [unneeded]);
      return;
    }
  }
  throw new Refusal('busy', `the reservations of ${formatCidr(id.cidr)} keep changing; try again`);
}

function refuseAskedTwice(ref: Ref, address: Address, call: Call): void {
  const before = askedFor(ref, address);
  if (before === undefined || before.sequence === sequenceOf(call.requestKey)) return;
  throw new Refusal(
    'address-in-use',
    `Address already in use: ${formatAddress(address)} is already the gateway or an auxiliary address of this network; ` +
      'if it is the address of another router, give the network its own gateway (--gateway)',
  );
}

const askedFor = ({ asked }: Kept, { value }: Address) => asked.find(({ address }) => address.value === value);

/**
 * Lists an address on a reference as requested, and drops its default gateway if that is not needed.
 *
 * @returns `false`: the reference has changed; read it again.
 */
async function keep(
  { store }: Deps,
  call: Call,
  ref: Ref,
  { address, unneeded }: { readonly address: Address; readonly unneeded: Address | undefined },
): Promise<boolean> {
  const gateway = unneeded === undefined ? ref.gateway : undefined;
  const isListed = keeps({ gateway, reserved: ref.reserved }, address);
  const isAsked = askedFor(ref, address) !== undefined;
  if (isListed && isAsked && unneeded === undefined) return true;
  if (!isListed) refuseMore(ref);
  return store.writeKept(ref, {
    gateway,
    reserved: isListed ? ref.reserved : [...ref.reserved, single(address)],
    asked: isAsked ? ref.asked : [...ref.asked, { address, sequence: sequenceOf(call.requestKey) }],
  });
}

/** @throws Refusal `limit-reached` at the limit of one network, which lets a single call release all that it keeps. */
function refuseMore({ cidr, reserved }: Ref): void {
  const count = reserved.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
  if (count < MAX_RESERVED_ADDRESSES) return;
  throw new Refusal(
    'limit-reached',
    `the network on ${formatCidr(cidr)} reserves ${count} addresses, and the limit is ${MAX_RESERVED_ADDRESSES}; ` +
      'give endpoints a part of the subnet (--ip-range) instead of reserving the rest with --aux-address',
  );
}

/** Reserves those of some addresses that a reference lists and no endpoint holds. An endpoint keeps what it holds. */
export async function reserveWhereFree(deps: Deps, call: Call, ref: Ref, addresses: readonly Address[]): Promise<void> {
  const listed = addresses.filter((address) => address.family === ref.cidr.family && keeps(ref, address));
  for (const address of listed) await stampUnlessHeld(deps, call, ref, address);
}

/** Reserves an address that a reference lists. @returns its holder, if an endpoint has it. */
export async function whoPreventsKeeping(
  deps: Deps,
  call: Call,
  ref: Ref,
  address: Address,
): Promise<string | undefined> {
  const slot = decodeSlot(await stampUnlessHeld(deps, call, ref, address));
  return slot === undefined || slot.kind === 'free' ? undefined : describeSlot(deps, ref.generation, slot);
}

/** @returns the encoded slot that prevents the reservation, if any. */
async function stampUnlessHeld(deps: Deps, call: Call, ref: Ref, address: Address): Promise<string | undefined> {
  const { value } = await readSlot(deps.store, ref, address);
  return stamp(deps, call, ref, { address, seen: value });
}

async function stampOrRefuse(deps: Deps, call: Call, ref: Ref, spot: Spot): Promise<void> {
  const held = await stamp(deps, call, ref, spot);
  if (held !== undefined) await refuseHeld(deps, { ...ref, address: spot.address }, held);
}

/** An address, and its slot as it was read, encoded. `undefined`: never used, or not read yet. */
interface Spot {
  readonly address: Address;
  readonly seen: string | undefined;
}

/** @returns the encoded slot that prevents the reservation, if any. */
function stamp(deps: Deps, call: Call, ref: Ref, { address, seen }: Spot): Promise<string | undefined> {
  const place = placeOf(ref.generation, ref.cidr, address);
  const value = encodeSlot({ kind: 'reserved', ref: ref.name, sequence: sequenceOf(call.requestKey) });
  return takeSeen(deps, call, place, { value, sticky: undefined, seen });
}

/** What orders a write among those of a host: the sequence of its call. Without `hostId`, it is made in the host's place. */
export type Sequenced = Pick<Call, 'requestKey'> & Partial<Pick<Call, 'hostId'>>;

/**
 * Frees those of some reservations that no reference keeps. The slots are read first, then the references that could keep
 * them, and each write is conditional on the exact slot. A network that lists one in the meantime stamps it again, and
 * the write here fails.
 */
export async function freeUnkept(
  deps: Deps,
  call: Sequenced,
  ref: Pick<Ref, 'generation' | 'name' | 'cidr'>,
  addresses: Iterable<Address>,
): Promise<void> {
  let unkept = await reservedAmong(deps.store, ref, addresses);
  if (unkept.length === 0) return;
  for await (const { items } of pages((last?: Ref) => deps.store.refsOf(ref.generation, last?.name))) {
    const live = items.filter(({ state }) => state !== 'gone');
    unkept = unkept.filter(({ address }) => !live.some((other) => keeps(other, address)));
    // Usually a reference of the first page keeps the gateway, and nothing is left to look for.
    if (unkept.length === 0) return;
  }
  await sideBySide(unkept, ({ address, value }) =>
    freeExactly(deps, call, ref.name, placeOf(ref.generation, ref.cidr, address), value),
  );
}

/** Those of some addresses that are reserved, each with its slot. Sixteen neighbours are one read. */
async function reservedAmong(
  store: Store,
  { generation, cidr }: Pick<Ref, 'generation' | 'cidr'>,
  addresses: Iterable<Address>,
): Promise<{ address: Address; value: string }[]> {
  const places = Array.from(addresses, (address) => ({ address, ...placeOf(generation, cidr, address) }));
  const byChunk = [...Map.groupBy(places, ({ chunk }) => chunk)];
  const found = await sideBySide(byChunk, async ([index, wanted]) => {
    const [chunk] = await store.readChunks(generation, index, index);
    return wanted.map(({ address, slot }) => ({ address, value: chunk?.slots[slot] }));
  });
  return found
    .flat()
    .flatMap(({ address, value }) =>
      value !== undefined && decodeSlot(value).kind === 'reserved' ? [{ address, value }] : [],
    );
}

/** All that a network keeps from endpoints. */
export function* keptBy({ gateway, reserved }: Ref): Generator<Address> {
  if (gateway !== undefined) yield gateway;
  yield* addressesIn(reserved);
}

/** Frees a slot if it still holds exactly `value`. Its cool-down starts now. @returns whether it was freed. */
export async function freeExactly(
  deps: Deps,
  { requestKey, hostId }: Sequenced,
  refName: string,
  place: SlotPlace,
  value: string,
): Promise<boolean> {
  const free = encodeSlot({
    kind: 'free',
    releasedAt: deps.world.now(),
    hostTag: hostId === undefined ? hostTagOf(refName) : await releaserTag(deps, { hostId }),
    sequence: sequenceOf(requestKey),
  });
  const { written } = await deps.store.writeSlot(place, free, undefined, { kind: 'exactly', value });
  return written;
}
