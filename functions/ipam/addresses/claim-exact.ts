/** Writes to a slot that was requested by its address. */
import type { Address } from '../../../protocol/address.ts';
import { sequenceOf } from '../../../protocol/request-key.ts';
import type { Call } from '../call.ts';
import { type SlotPlace, placeOf } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import type { PoolId } from '../pool-id.ts';
import { Refusal } from '../refusal.ts';
import { decodeSlot } from '../slot.ts';
import type { Claimed } from './claim-any.ts';
import { type Endpoint, cooledBy, givenTag, leaseOf } from './endpoint.ts';
import { refuseHeld } from './holder.ts';
import { releaserTags } from './releaser.ts';
import { takeOverAddress } from './swarm.ts';

const MAX_TRIES = 8;

/**
 * Claims the address that was requested, whether or not its cool-down has ended.
 *
 * @throws Refusal `address-in-use`, which names the holder.
 */
export async function claimExact(
  deps: Deps,
  call: Call,
  id: PoolId,
  { address, endpoint }: { readonly address: Address; readonly endpoint: Endpoint },
): Promise<Claimed> {
  const place = placeOf(id.generation, id.cidr, address);
  const value = leaseOf(call, id, endpoint);
  const sticky = givenTag(deps, call, endpoint);
  const outcome = await deps.store.writeSlot(place, value, sticky, { kind: 'free', cooledBy: cooledBy(deps, id) });
  if (!outcome.written) {
    const seen = outcome.chunk.slots[place.slot];
    const held = await takeSeen(deps, call, place, { value, sticky, seen });
    if (held !== undefined && !(await takeOverAddress(deps, id, place, { value, sticky, held }))) {
      await refuseHeld(deps, { generation: id.generation, address }, held);
    }
  }
  return { address, place, value };
}

/**
 * Writes a lease or (without `sticky`) a reservation to a slot, also during the cool-down of the slot. The write is
 * conditional on the exact value that was seen, so that it never overwrites anything later.
 *
 * A reservation accepts one that another network has stamped since the slot was last read: a process that would free that
 * one reads it after the caller's reference was added, and so finds the reference. The first read may have been earlier
 * than the reference, so only a later one counts. This spares a thousand hosts that join at once from stamping in turn.
 *
 * @returns the encoded slot that prevents the write, if any.
 */
export async function takeSeen(
  deps: Deps,
  call: Call,
  place: SlotPlace,
  {
    value,
    sticky,
    seen,
  }: { readonly value: string; readonly sticky: string | undefined; readonly seen: string | undefined },
): Promise<string | undefined> {
  const reserves = sticky === undefined;
  const tags = await releaserTags(deps, call);
  let current = seen;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (current !== undefined && standsInTheWay(tags, call, current, reserves)) return current;
    const isKept = reserves && current !== undefined && decodeSlot(current).kind === 'reserved';
    if (isKept && tries >= 2) return undefined;
    const outcome = await deps.store.writeSlot(place, value, sticky, { kind: 'exactly', value: current });
    if (outcome.written) return undefined;
    current = outcome.chunk.slots[place.slot];
  }
  throw new Refusal('busy', 'the state of the address keeps changing; try again');
}

/** A free slot counts as taken if the caller's host has freed it since: a late duplicate must not take back what was released. */
function standsInTheWay(tags: readonly string[], call: Call, current: string, reserves: boolean): boolean {
  const slot = decodeSlot(current);
  if (slot.kind !== 'free') return slot.kind === 'leased' || !reserves;
  return tags.includes(slot.hostTag) && slot.sequence > sequenceOf(call.requestKey);
}
