/** Comparisons of subnets and addresses in text form. */
import { BlockList, isIPv6 } from 'node:net';

interface Subnet {
  readonly address: string;
  readonly prefix: number;
  readonly block: BlockList;
}

function parse(text: string): Subnet | undefined {
  const [address = '', length = ''] = text.split('/');
  const prefix = Number(length);
  const block = new BlockList();
  try {
    block.addSubnet(address, prefix, familyOf(address));
  } catch {
    return undefined;
  }
  return { address, prefix, block };
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');

const contains = (subnet: Subnet, address: string): boolean => subnet.block.check(address, familyOf(address));

/** Whether two subnets share an address. `false` if either text is not a subnet. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [parse(one), parse(other)];
  return a !== undefined && b !== undefined && (contains(a, b.address) || contains(b, a.address));
}

/** Whether two texts mean the same subnet, whatever their host bits. */
export const isSame = (one: string, other: string): boolean =>
  one.split('/')[1] === other.split('/')[1] && overlap(one, other);

export function isIn(address: string, subnet: string): boolean {
  const parsed = parse(subnet);
  return parsed !== undefined && contains(parsed, address);
}
