/** Where an address is kept. */
import { type Address, type Cidr, cidrRange, formatAddress, formatCidr, rangeContains } from './address.ts';
import { CHUNK_SIZE, type SlotPlace } from './store.ts';

const SLOTS = BigInt(CHUNK_SIZE);

export function placeOf(generation: string, cidr: Cidr, address: Address): SlotPlace {
  if (!rangeContains(cidrRange(cidr), address))
    throw new Error(`${formatAddress(address)} is not in ${formatCidr(cidr)}`);
  const offset = address.value - cidr.first;
  return { generation, chunk: offset / SLOTS, slot: Number(offset % SLOTS) };
}

export const addressAt = (cidr: Cidr, chunk: bigint, slot: number): Address => ({
  family: cidr.family,
  value: cidr.first + chunk * SLOTS + BigInt(slot),
});
