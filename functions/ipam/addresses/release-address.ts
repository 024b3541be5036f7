/** ReleaseAddress: one write. It reads only if another machine was this host before. */
import { cidrRange, formatCidr, parseAddress, rangeContains } from '../../../protocol/address.ts';
import { sequenceOf } from '../../../protocol/request-key.ts';
import type { Call } from '../call.ts';
import { placeOf } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import { quote } from '../quote.ts';
import { refuseFormers } from '../ref-check.ts';
import { Refusal } from '../refusal.ts';
import { decodeSlot, encodeSlot, leasesUpTo } from '../slot.ts';
import { openPoolId } from '../trusted-pool-id.ts';
import { releaserTag } from './releaser.ts';

/**
 * - `freed`: the network's lease on the address has ended.
 * - `nothing`: there was no lease, or the address is a reservation, which lasts as long as its network.
 * - `later-lease`: the network requested the address again after this release was sent, and keeps it.
 */
export type Release = 'freed' | 'nothing' | 'later-lease';

/**
 * Ends the lease of the caller's network on an address. It affects only a lease that was requested before this release was
 * sent: a late or repeated release cannot free a later lease.
 */
export async function releaseAddress(
  deps: Deps,
  call: Call,
  request: { readonly poolId: string; readonly address: string },
): Promise<Release> {
  const id = await openPoolId(deps, request.poolId, call);
  if (id === undefined) return 'nothing';
  const address = parseAddress(request.address);
  if (address === undefined) {
    throw new Refusal('invalid-request', `invalid address: ${quote(request.address)}`);
  }
  if (!rangeContains(cidrRange(id.cidr), address)) {
    throw new Refusal('out-of-range', `${request.address} is not an address of ${formatCidr(id.cidr)}`);
  }
  await refuseFormers(deps, id, call);
  const place = placeOf(id.generation, id.cidr, address);
  const sequence = sequenceOf(call.requestKey);
  const free = encodeSlot({
    kind: 'free',
    releasedAt: deps.world.now(),
    hostTag: await releaserTag(deps, call),
    sequence,
  });
  const outcome = await deps.store.releaseSlot(place, free, leasesUpTo(id.ref, sequence));
  if (outcome.written) return 'freed';
  const slot = decodeSlot(outcome.chunk.slots[place.slot]);
  return slot?.kind === 'leased' && slot.ref === id.ref ? 'later-lease' : 'nothing';
}
