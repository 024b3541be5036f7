/** Names the holder of an address, for the user whose request is refused. */
import { type Address, formatAddress } from '../../../protocol/address.ts';
import { sequenceOf } from '../../../protocol/request-key.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../refusal.ts';
import { type LeasedSlot, type ReservedSlot, decodeSlot } from '../slot.ts';

/**
 * @param held the encoded slot that prevents the claim.
 * @throws Refusal `address-in-use`, in Docker's words, with holder and time.
 */
export async function refuseHeld(
  deps: Deps,
  at: { readonly generation: string; readonly address: Address },
  held: string,
): Promise<never> {
  const slot = decodeSlot(held);
  const address = formatAddress(at.address);
  if (slot.kind === 'free') {
    throw new Refusal('busy', `the request for ${address} arrived late: the address was released in the meantime`);
  }
  const state = await describeSlot(deps, at.generation, slot);
  throw new Refusal('address-in-use', `Address already in use: ${address} is ${state}`);
}

/** The holder of an address, as the end of a sentence. */
export async function describeSlot(deps: Deps, generation: string, slot: LeasedSlot | ReservedSlot): Promise<string> {
  if (slot.kind === 'reserved') return 'reserved as a gateway or auxiliary address of its network';
  return `held by ${await describeHolder(deps, generation, slot)}`;
}

async function describeHolder({ store }: Deps, generation: string, slot: LeasedSlot): Promise<string> {
  const ref = await store.readRef(generation, slot.ref);
  const what = slot.name === '' ? 'an endpoint' : `endpoint ${slot.name}`;
  const mac = slot.mac === '' ? '' : ` (MAC ${slot.mac})`;
  // The sequence of a request is its host's clock in milliseconds.
  const since = new Date(parseInt(sequenceOf(slot.requestKey), 36)).toISOString();
  return `${what}${mac} of host ${ref?.hostId ?? 'unknown'} since ${since}`;
}
