/**
 * Addresses that a pool keeps for no endpoint: the gateway, auxiliary addresses, `berth.reserve`. They are shared: every
 * network on the pool may ask for the same one (docs/data-model.md, "Free and justify").
 */
import { sequenceOf } from '../../../protocol/request-key.ts';
import { type Address, type Range, formatAddress, formatCidr, rangeContains } from '../address.ts';
import { allSettledOrThrow, sideBySide } from '../all-settled.ts';
import type { Call } from '../call.ts';
import { type SlotPlace, placeOf } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import type { PoolId } from '../pool-id.ts';
import { refuseUnfit, refuseUnusable } from '../ref-check.ts';
import { type Kept, type Ref, hostTagOf } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import { decodeSlot, encodeSlot } from '../slot.ts';
import type { Page, Store } from '../store.ts';
import { takeSeen } from './claim-exact.ts';
import { describeSlot, refuseHeld } from './holder.ts';
import { releaserTag } from './releaser.ts';

const MAX_TRIES = 8;
/** Addresses that one network keeps from endpoints, its gateway aside. */
const MAX_RESERVED = 512n;

const single = ({ family, value }: Address): Range => ({ family, first: value, last: value });

function* addressesIn(ranges: readonly Range[]): Generator<Address> {
  for (const { family, first, last } of ranges) {
    for (let value = first; value <= last; value += 1n) yield { family, value };
  }
}

/** Whether a network keeps an address from all endpoints: as its gateway, or otherwise. */
export const keeps = ({ gateway, reserved }: Pick<Ref, 'gateway' | 'reserved'>, address: Address): boolean =>
  gateway?.value === address.value || reserved.some((range) => rangeContains(range, address));

/** What a reference takes up again: an earlier life of its pool, and its own tombstone in it, if that is still there. */
export interface Former {
  readonly generation: string;
  readonly ref: Ref | undefined;
}

/**
 * Puts a reference, then asks whether its host may have one, and stamps the default gateway that it keeps. Should an endpoint hold
 * that address already (another network moved its gateway elsewhere), it stays with the endpoint. In a newborn pool
 * nobody can have used it yet.
 *
 * @throws Refusal when its host may have none, or when whoever ended the host's networks has ended this one already.
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
  if (!isAdded) throw new Refusal('pool-gone', `the network on ${formatCidr(ref.cidr)} was ended while it was created`);
  const [host] = await allSettledOrThrow([
    deps.store.readHost(ref.hostId),
    gateway === undefined ? undefined : stamp(deps, call, ref, gateway, seen),
  ]);
  refuseUnfit(host, call);
}

/** Keeps every address that a reference lists through `berth.reserve`. @throws Refusal when an endpoint holds one. */
export async function reserveListed(deps: Deps, call: Call, ref: Ref, ranges: readonly Range[]): Promise<void> {
  for (const address of addressesIn(ranges)) await stampOrRefuse(deps, call, ref, address, undefined);
}

/**
 * Reserves an address for the network behind a PoolID. The reference lists it first, then the slot is stamped.
 *
 * Docker's own allocator gives a network no address twice, not even to keep it: only networks share.
 *
 * @param isGateway when the default gateway lies elsewhere, this network needs that one no more.
 * @throws Refusal when an endpoint holds the address, or this very network was asked to keep it by another request
 * (dockerd asks for the gateway first), or the network is gone.
 */
export async function reserveAddress(
  deps: Deps,
  call: Call,
  id: PoolId,
  address: Address,
  isGateway: boolean,
): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const [ref, seen] = await allSettledOrThrow([
      deps.store.readRef(id.generation, id.ref),
      readSlot(deps.store, id, address),
    ]);
    refuseUnusable(ref, id, call);
    if (!isGateway) refuseAskedTwice(ref, address, call);
    const unneeded = isGateway && ref.gateway?.value !== address.value ? ref.gateway : undefined;
    if (await keep(deps, call, ref, address, unneeded)) {
      await stampOrRefuse(deps, call, ref, address, seen);
      if (unneeded !== undefined) await freeUnkept(deps, call, ref, [unneeded]);
      return;
    }
  }
  throw new Refusal('busy', `the reservations of ${formatCidr(id.cidr)} keep changing: try again`);
}

function refuseAskedTwice(ref: Ref, address: Address, call: Call): void {
  const before = askedFor(ref, address);
  if (before === undefined || before.sequence === sequenceOf(call.requestKey)) return;
  throw new Refusal(
    'address-in-use',
    `Address already in use: ${formatAddress(address)} is the gateway or an auxiliary address of this very network ` +
      'already; where it is another router, give the network a gateway of its own (--gateway)',
  );
}

const askedFor = ({ asked }: Kept, { value }: Address) => asked.find(({ address }) => address.value === value);

/**
 * Lists an address on a reference as asked for, and gives up its default gateway.
 *
 * @returns `false`: the reference has changed, read it again.
 */
async function keep(
  { store }: Deps,
  call: Call,
  ref: Ref,
  address: Address,
  unneeded: Address | undefined,
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

/** @throws Refusal `limit-reached` when a network keeps all that one may, so that to give them back is one call's work. */
function refuseMore({ cidr, reserved }: Ref): void {
  const count = reserved.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
  if (count < MAX_RESERVED) return;
  throw new Refusal(
    'limit-reached',
    `the network on ${formatCidr(cidr)} keeps ${count} addresses from its endpoints, and may keep ${MAX_RESERVED}: ` +
      'give endpoints a part of the subnet (--ip-range) instead of keeping the rest by --aux-address',
  );
}

/** Keeps those of some addresses that a reference lists, and that no endpoint holds; what one holds stays with it. */
export async function reserveWhereFree(deps: Deps, call: Call, ref: Ref, addresses: readonly Address[]): Promise<void> {
  const listed = addresses.filter((address) => address.family === ref.cidr.family && keeps(ref, address));
  for (const address of listed) await stamp(deps, call, ref, address, await readSlot(deps.store, ref, address));
}

/** Keeps an address that a reference lists. @returns who has it, if an endpoint does. */
export async function whoPreventsKeeping(
  deps: Deps,
  call: Call,
  ref: Ref,
  address: Address,
): Promise<string | undefined> {
  const held = await stamp(deps, call, ref, address, await readSlot(deps.store, ref, address));
  const slot = held === undefined ? undefined : decodeSlot(held);
  return slot === undefined || slot.kind === 'free' ? undefined : describeSlot(deps, ref.generation, slot);
}

async function stampOrRefuse(
  deps: Deps,
  call: Call,
  ref: Ref,
  address: Address,
  seen: string | undefined,
): Promise<void> {
  const held = await stamp(deps, call, ref, address, seen);
  if (held !== undefined) await refuseHeld(deps, { ...ref, address }, held);
}

/** @returns the encoded slot that stands in the way, if any. */
function stamp(
  deps: Deps,
  call: Call,
  ref: Ref,
  address: Address,
  seen: string | undefined,
): Promise<string | undefined> {
  const place = placeOf(ref.generation, ref.cidr, address);
  const value = encodeSlot({ kind: 'reserved', ref: ref.name, sequence: sequenceOf(call.requestKey) });
  return takeSeen(deps, call, place, { value, sticky: undefined }, seen);
}

async function readSlot(
  store: Store,
  { generation, cidr }: Pick<Ref, 'generation' | 'cidr'>,
  address: Address,
): Promise<string | undefined> {
  const place = placeOf(generation, cidr, address);
  const [chunk] = await store.readChunks(generation, place.chunk, place.chunk);
  return chunk?.slots[place.slot];
}

/** What orders a write of ours among those of a host: the sequence of its call. Without a host it is in its place. */
export type Sequenced = Pick<Call, 'requestKey'> & Partial<Pick<Call, 'hostId'>>;

/**
 * Frees those of some reservations that no reference keeps: the slots are read first, then whoever could keep them, and
 * each write stands on the exact slot. Who lists one meanwhile stamps it afresh, and that write fails.
 */
export async function freeUnkept(
  deps: Deps,
  call: Sequenced,
  ref: Pick<Ref, 'generation' | 'name' | 'cidr'>,
  addresses: Iterable<Address>,
): Promise<void> {
  let unkept = await reservedAmong(deps.store, ref, addresses);
  // Most often a reference of the first page keeps the gateway, and there is nothing left to look for.
  let page: Page<Ref> = { items: [], more: true };
  while (page.more && unkept.length > 0) {
    page = await deps.store.refsOf(ref.generation, page.items.at(-1)?.name);
    const live = page.items.filter(({ state }) => state !== 'gone');
    unkept = unkept.filter(({ address }) => !live.some((other) => keeps(other, address)));
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

/** Frees a slot that still holds exactly `value`. It rests from now on. @returns whether it did. */
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
