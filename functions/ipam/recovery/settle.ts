/**
 * Settles a call whose outcome its host does not know: an attempt that was not answered may have landed, or may land
 * later, even after a repeat of it was answered. Settling undoes everything that the attempts have left, except for the
 * answer that dockerd was given. The host repeats it once no attempt of the call can still be under way.
 */
import { type Address, cidrRange, formatCidr, parseAddress, rangeContains } from '../../../protocol/address.ts';
import { sequenceOf } from '../../../protocol/request-key.ts';
import { claimsOf } from '../addresses/claim-any.ts';
import { type AddressRequest, type AddressWish, parseWish } from '../addresses/request-address.ts';
import { freeExactly, freeUnkept, keptBy } from '../addresses/reservation.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import type { PoolId } from '../pool-id.ts';
import { endNetwork } from '../pools/release-pool.ts';
import { quote } from '../quote.ts';
import { Refusal } from '../refusal.ts';
import { decodeSlot, readSlot } from '../slot.ts';
import { openPoolId } from '../trusted-pool-id.ts';

export interface UnsettledPool {
  /** The key of the call that is settled; its answer is not known, or one of its attempts was not answered. */
  readonly requestKey: string;
  /** The PoolID that dockerd was given. `undefined`: none, or the network was released since. */
  readonly keep: string | undefined;
}

export interface UnsettledAddress extends AddressRequest {
  readonly requestKey: string;
  /** The address that dockerd was given, without a prefix length. `undefined`: none, or it was released since. */
  readonly keep: string | undefined;
}

/**
 * Ends every reference of a RequestPool except for the one to keep. References are found by the index, which lags a
 * little, so an immediate settlement may miss what the repeated one finds.
 *
 * @param call the settlement itself, which is later than the call that it settles.
 */
export async function settlePool(deps: Deps, call: Call, { requestKey, keep }: UnsettledPool): Promise<void> {
  refuseElder(call, requestKey);
  const kept = keep === undefined ? undefined : await openPoolId(deps, keep, call);
  for (const { generation, name } of await deps.store.refsOfCall(call.hostId, requestKey)) {
    if (kept?.ref === name && kept.generation === generation) continue;
    const ref = await deps.store.readRef(generation, name);
    if (ref !== undefined) await endNetwork(deps, call, ref);
  }
}

/**
 * Frees every lease of a RequestAddress except for the one to keep, and a reservation that no network keeps.
 *
 * @param call the settlement itself: its sequence, in the slots that it frees, blocks late attempts of the settled call.
 */
export async function settleAddress(deps: Deps, call: Call, request: UnsettledAddress): Promise<void> {
  refuseElder(call, request.requestKey);
  const id = await openPoolId(deps, request.poolId, call);
  if (id === undefined) return;
  const kept = request.keep === undefined ? undefined : parseKept(id, request.keep);
  const wish = wishOf(id, request);
  if (wish === undefined) return;
  const { wanted, endpoint } = wish;
  if (wanted === undefined && endpoint !== undefined) {
    const original = { ...call, requestKey: request.requestKey };
    for (const claim of await claimsOf(deps, original, id, endpoint)) {
      if (claim.address.value !== kept?.value) await freeExactly(deps, call, id.ref, claim.place, claim.value);
    }
    return;
  }
  if (kept === undefined) await settleGiven(deps, call, id, { requestKey: request.requestKey, address: wanted });
}

/** @throws Refusal when it is not an address of the pool: ignoring it would free what dockerd was given. */
function parseKept(id: PoolId, text: string): Address {
  const address = parseAddress(text);
  if (address !== undefined && rangeContains(cidrRange(id.cidr), address)) return address;
  throw new Refusal('invalid-request', `invalid address to keep: ${quote(text)} is not in ${formatCidr(id.cidr)}`);
}

/** `undefined`: the request was refused as invalid, so that it has left nothing. */
function wishOf(id: PoolId, request: AddressRequest): AddressWish | undefined {
  try {
    return parseWish(id, request);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** A lease or reservation of a given address can only be in the slot of that address. */
async function settleGiven(
  deps: Deps,
  call: Call,
  id: PoolId,
  { requestKey, address }: { readonly requestKey: string; readonly address: Address | undefined },
): Promise<void> {
  if (address !== undefined) {
    const { place, value } = await readSlot(deps.store, id, address);
    const slot = decodeSlot(value);
    if (value !== undefined && slot?.kind === 'leased' && slot.requestKey === requestKey) {
      await freeExactly(deps, call, id.ref, place, value);
      return;
    }
  }
  const ref = await deps.store.readRef(id.generation, id.ref);
  if (ref === undefined) return;
  await freeUnkept(deps, call, ref, address === undefined ? keptBy(ref) : [address]);
}

function refuseElder(call: Call, requestKey: string): void {
  if (sequenceOf(call.requestKey) > sequenceOf(requestKey)) return;
  throw new Refusal('invalid-request', `a settlement must be later than the call that it settles (${requestKey})`);
}
