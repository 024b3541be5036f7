/**
 * IP addresses and CIDR prefixes as numbers. Text is parsed once, where it enters; the rules compute with `bigint`.
 */

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** A prefix with its host bits cleared. */
export interface Cidr {
  readonly family: Family;
  readonly first: bigint;
  readonly prefix: number;
}

/** An inclusive range of addresses of one family. */
export interface Range {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

export const addressBits = (family: Family): number => (family === 4 ? 32 : 128);

export function parseAddress(text: string): Address | undefined {
  const value = text.includes(':') ? parseIPv6(text) : parseIPv4(text);
  return value === undefined ? undefined : { family: text.includes(':') ? 6 : 4, value };
}

/** Dotted decimal only: `010.1` or `1.2.3` mean different things to different programs, so they are refused. */
function parseIPv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

/** RFC 4291 §2.2, with an embedded IPv4 tail; zone indexes are refused. */
function parseIPv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  // Dotted decimal may only be the end of an address, so it cannot come before `::`.
  if (halves.length === 2 && halves[0]?.includes('.')) return undefined;
  const [head, tail] = halves.map(parseGroups);
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? joinGroups(head) : undefined;
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0n);
  return joinGroups([...head, ...zeros, ...tail]);
}

function parseGroups(text: string): bigint[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: bigint[] = [];
  for (const [index, part] of parts.entries()) {
    if (part.includes('.') && index === parts.length - 1) {
      const tail = parseIPv4(part);
      if (tail === undefined) return undefined;
      groups.push(tail >> 16n, tail & 0xffffn);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined;
      groups.push(BigInt(`0x${part}`));
    }
  }
  return groups;
}

const joinGroups = (groups: readonly bigint[]): bigint => groups.reduce((value, group) => (value << 16n) | group, 0n);

export function formatAddress({ family, value }: Address): string {
  return family === 4 ? formatIPv4(value) : formatIPv6(value);
}

const formatIPv4 = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups becomes `::`. */
function formatIPv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(16 * (7 - i))) & 0xffffn).toString(16));
  const run = longestZeroRun(groups);
  if (run.length < 2) return groups.join(':');
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`;
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === '0' ? length + 1 : 0;
    if (length > best.length) best = { start: index - length + 1, length };
  }
  return best;
}

/** Parses `ADDRESS/PREFIX`; host bits are cleared, as Docker's own allocator does. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  const parsed = parseAddress(address);
  if (parsed === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const prefix = Number(length);
  if (prefix > addressBits(parsed.family)) return undefined;
  return cidrAt(parsed, prefix);
}

/** The prefix of the given length that contains an address. */
export function cidrAt({ family, value }: Address, prefix: number): Cidr {
  const hostBits = BigInt(addressBits(family) - prefix);
  return { family, first: (value >> hostBits) << hostBits, prefix };
}

export const formatCidr = ({ family, first, prefix }: Cidr): string =>
  `${formatAddress({ family, value: first })}/${prefix}`;

/** Parses `ADDRESS` or `ADDRESS-ADDRESS`, both of one family and in order. */
export function parseRange(text: string): Range | undefined {
  const [from, to, ...rest] = text.split('-').map(parseAddress);
  if (from === undefined || rest.length > 0) return undefined;
  const last = text.includes('-') ? to : from;
  if (from.family !== last?.family || from.value > last.value) return undefined;
  return { family: from.family, first: from.value, last: last.value };
}

/** How many addresses a prefix has, network and broadcast addresses included. */
export const cidrSize = ({ family, prefix }: Cidr): bigint => 1n << BigInt(addressBits(family) - prefix);

export const cidrRange = (cidr: Cidr): Range => ({
  family: cidr.family,
  first: cidr.first,
  last: cidr.first + cidrSize(cidr) - 1n,
});

export const rangeContains = (range: Range, { family, value }: Address): boolean =>
  range.family === family && range.first <= value && value <= range.last;

export const rangesOverlap = (a: Range, b: Range): boolean =>
  a.family === b.family && a.first <= b.last && b.first <= a.last;

export const overlap = (a: Cidr, b: Cidr): boolean => rangesOverlap(cidrRange(a), cidrRange(b));

/** Whether a prefix lies within another, or is the same. */
export const contains = (outer: Cidr, inner: Cidr): boolean =>
  outer.prefix <= inner.prefix && rangeContains(cidrRange(outer), { family: inner.family, value: inner.first });

export const sameCidr = (a: Cidr, b: Cidr): boolean =>
  a.family === b.family && a.first === b.first && a.prefix === b.prefix;

/**
 * The addresses that endpoints may have; `undefined` if a prefix has no such address. As in Docker's own allocator, IPv4
 * excludes the network and the broadcast address, except in a /31 (RFC 3021) and a /32. IPv6 excludes the subnet-router
 * anycast address (RFC 4291 §2.6.1), so that a /127 has one address and a /128 has none.
 */
export function usableRange(cidr: Cidr): Range | undefined {
  const { family, first, last } = cidrRange(cidr);
  if (family === 6) return first === last ? undefined : { family, first: first + 1n, last };
  return cidr.prefix >= 31 ? { family, first, last } : { family, first: first + 1n, last: last - 1n };
}

/** The part that two ranges of one family share. */
export function intersect(a: Range, b: Range): Range | undefined {
  if (!rangesOverlap(a, b)) return undefined;
  return {
    family: a.family,
    first: a.first > b.first ? a.first : b.first,
    last: a.last < b.last ? a.last : b.last,
  };
}
