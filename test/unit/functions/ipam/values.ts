/** Values from text, and arbitrary ones, for the tests of the rules. */
import fc from 'fast-check';
import { type Address, type Cidr, type Family, type Range, addressBits, cidrAt } from '../../../../protocol/address.ts';
import { ip } from '../../../support/addresses.ts';

export { cidr, ip } from '../../../support/addresses.ts';

/** `FIRST-LAST`. */
export function range(text: string): Range {
  const [first = '', last = first] = text.split('-');
  return { family: ip(first).family, first: ip(first).value, last: ip(last).value };
}

export const numbers = (first: bigint, last: bigint): bigint[] =>
  Array.from({ length: Number(last - first) + 1 }, (_, i) => first + BigInt(i));

const ipv4: fc.Arbitrary<Address> = fc
  .bigInt({ min: 0n, max: 2n ** 32n - 1n })
  .map((value) => ({ family: 4 as const, value }));

/** Half of the groups are zero, since zeros make the spelling of IPv6 difficult. */
const ipv6: fc.Arbitrary<Address> = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map((groups) => ({
    family: 6 as const,
    value: groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n),
  }));

export const anyAddress = fc.oneof(ipv4, ipv6);

export const anyFamily: fc.Arbitrary<Family> = fc.constantFrom(4, 6);

export const anyCidr: fc.Arbitrary<Cidr> = anyAddress.chain((inside) =>
  fc.integer({ min: 0, max: addressBits(inside.family) }).map((prefix) => cidrAt(inside, prefix)),
);

/** Text of a fixed width, in the digits that names, keys and sequences consist of. */
export const digits = (width: number): fc.Arbitrary<string> => fc.stringMatching(new RegExp(`^[0-9a-z]{${width}}$`));
