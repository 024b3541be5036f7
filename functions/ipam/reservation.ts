/**
 * Addresses that a pool keeps for no endpoint: the gateway, auxiliary addresses, `berth.reserve`. They are shared: every
 * network on the pool may ask for the same one (docs/data-model.md, "Free and justify").
 */
import { type Address, type Range, formatCidr, rangeContains } from './address.ts';
import { type Call, sequenceOf } from './call.ts';
import type { Deps } from './deps.ts';
import { takeGiven } from './given.ts';
import { refuseHeld } from './holder.ts';
import { placeOf } from './place.ts';
import { type PoolId } from './pool-id.ts';
import { type Ref, hostTagOf } from './ref.ts';
import { decodeSlot, encodeSlot } from './slot.ts';
import { Refusal } from './refusal.ts';
import type { Page, SlotPlace, Store } from './store.ts';
import { refuseUnusable } from './ref-check.ts';

const MAX_TRIES = 8;

const single = ({ family, value }: Address): Range => ({ family, first: value, last: value });

export const isListed = (ref: Pick<Ref, 'reserved'>, address: Address): boolean =>
  ref.reserved.some((range) => rangeContains(range, address));

/**
 * Puts a new reference, which lists the pool's default gateway, then keeps that address. Should an endpoint hold it
 * already (another network moved the gateway elsewhere), it stays with the endpoint.
 */
export async function addRefWithGateway(deps: Deps, call: Call, ref: Ref): Promise<void> {
  if (!(await deps.store.addRef(ref))) throw new Error(`the reference ${ref.name} exists already`);
  if (ref.gateway !== undefined) await stamp(deps, call, ref, ref.gateway);
}

/** Keeps every address that a reference lists through `berth.reserve`. @throws Refusal when an endpoint holds one. */
export async function reserveListed(deps: Deps, call: Call, ref: Ref, ranges: readonly Range[]): Promise<void> {
  for (const { family, first, last } of ranges) {
    for (let value = first; value <= last; value += 1n) {
      await stampOrRefuse(deps, call, ref, { family, value });
    }
  }
}

/**
 * Reserves an address for the network behind a PoolID. The reference lists it first, then the slot is stamped.
 *
 * @param isGateway when the default gateway lies elsewhere, this network needs that one no more.
 * @throws Refusal when an endpoint holds the address or the network is gone.
 */
export async function reserveAddress(
  deps: Deps,
  call: Call,
  id: PoolId,
  address: Address,
  isGateway: boolean,
): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const ref = await deps.store.readRef(id.generation, id.ref);
    refuseUnusable(ref, id, call);
    const unneeded = isGateway && ref.gateway?.value !== address.value ? ref.gateway : undefined;
    if (await list(deps, ref, address, unneeded)) {
      await stampOrRefuse(deps, call, ref, address);
      if (unneeded !== undefined) await freeUnlisted(deps, call, ref, unneeded);
      return;
    }
  }
  throw new Refusal('busy', `the reservations of ${formatCidr(id.cidr)} keep changing: try again`);
}

/** Lists one address on a reference and takes another off it. `false`: the reference has changed, read it again. */
async function list({ store }: Deps, ref: Ref, address: Address, unneeded: Address | undefined): Promise<boolean> {
  const kept = ref.reserved.filter((range) => range.first !== unneeded?.value || range.last !== unneeded.value);
  const listed = isListed({ reserved: kept }, address);
  if (listed && kept.length === ref.reserved.length) return true;
  return store.writeReserved(ref, listed ? kept : [...kept, single(address)]);
}

async function stampOrRefuse(deps: Deps, call: Call, ref: Ref, address: Address): Promise<void> {
  const held = await stamp(deps, call, ref, address);
  if (held !== undefined) await refuseHeld(deps, { ...ref, address }, held);
}

/** @returns the encoded slot that stands in the way, if any. */
function stamp(deps: Deps, call: Call, ref: Ref, address: Address): Promise<string | undefined> {
  const place = placeOf(ref.generation, ref.cidr, address);
  const value = encodeSlot({ kind: 'reserved', ref: ref.name, sequence: sequenceOf(call.requestKey) });
  return takeGiven(deps, call, place, { value, sticky: undefined }, { kind: 'unused-or-reserved' });
}

/**
 * Frees a reservation that no reference lists: the slot is read first, then whoever could list it, and the write stands
 * on the exact slot. Who lists it meanwhile stamps it afresh, and this write fails.
 */
async function freeUnlisted({ store }: Deps, call: Call, ref: Ref, address: Address): Promise<void> {
  const place = placeOf(ref.generation, ref.cidr, address);
  const [chunk] = await store.readChunks(place.generation, place.chunk, place.chunk);
  const value = chunk?.slots[place.slot];
  if (value === undefined || decodeSlot(value).kind !== 'reserved') return;
  let page: Page<Ref> = { items: [], more: true };
  while (page.more) {
    page = await store.refsOf(ref.generation, page.items.at(-1)?.name);
    if (page.items.some((other) => other.state !== 'gone' && isListed(other, address))) return;
  }
  await freeExactly(store, call, ref.name, place, value, 0);
}

/** Frees a slot that still holds exactly `value`; with `releasedAt` 0 nobody used it, and it need not rest. */
export async function freeExactly(
  store: Store,
  call: Call,
  refName: string,
  place: SlotPlace,
  value: string,
  releasedAt: number,
): Promise<void> {
  const free = encodeSlot({
    kind: 'free',
    releasedAt,
    hostTag: hostTagOf(refName),
    sequence: sequenceOf(call.requestKey),
  });
  await store.writeSlot(place, free, undefined, { kind: 'exactly', value });
}
