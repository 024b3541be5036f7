/** The export in the columns of NetBox's own import of CSV: prefixes, IP ranges and IP addresses. */
import { cidrRange, contains, formatAddress, parseCidr } from '../../protocol/address.ts';
import type { AddressUse } from '../../protocol/viewer-messages.ts';
import { type Table, eachPool } from './export-csv.ts';
import type { Scope } from './export-json.ts';
import { addressPages, holderPages, oneSpace } from './fleet-pages.ts';

const PREFIXES = ['prefix', 'vrf', 'status', 'is_pool', 'description'];
const RANGES = ['start_address', 'end_address', 'vrf', 'status', 'description'];
const ADDRESSES = ['address', 'vrf', 'status', 'description'];

/** Of NetBox's field. */
const MAX_DESCRIPTION_LENGTH = 200;

/** NetBox counts the addresses of an IP range in 32 bits. */
const MAX_RANGE_SIZE = 2n ** 32n - 1n;

/** @param vrf the VRF of NetBox that the space is; '': the global table. */
export const netboxTables = (scope: Scope, vrf: string): Table[] => [
  { kind: 'prefixes', columns: PREFIXES, rows: prefixes(scope, vrf) },
  { kind: 'ip-ranges', columns: RANGES, rows: ranges(scope, vrf) },
  { kind: 'ip-addresses', columns: ADDRESSES, rows: addresses(scope, vrf) },
];

/** Descriptions begin with a word of Berth, so that no spreadsheet takes the name of a container for a formula. */
const description = (...words: readonly string[]): string =>
  words.filter(Boolean).join(' ').slice(0, MAX_DESCRIPTION_LENGTH);

async function* prefixes(scope: Scope, vrf: string): AsyncGenerator<string[]> {
  for (const name of scope.spaces) {
    const { Settings } = await oneSpace(scope.view, name);
    for (const range of Settings.Ranges) yield [range, vrf, 'container', 'false', `range of Berth space ${name}`];
    const ranges = new Set(Settings.Ranges);
    for (const excluded of Settings.Excluded) {
      if (!ranges.has(excluded)) yield [excluded, vrf, 'active', 'false', `excluded in Berth space ${name}`];
    }
    const excluded = new Set(Settings.Excluded);
    for await (const { Pool, CreatedBy, State } of eachPool({ ...scope, spaces: [name] })) {
      const isListed = ranges.has(Pool) || excluded.has(Pool);
      if (State === 'confirmed' && !isListed)
        yield [Pool, vrf, 'active', 'true', description('pool of Berth, created by', CreatedBy)];
    }
  }
}

/** What `--ip-range` gives to networks. NetBox refuses ranges that overlap: of those that lie in others, none is listed. */
async function* ranges(scope: Scope, vrf: string): AsyncGenerator<string[]> {
  for await (const pool of eachPool(scope)) {
    const found = new Set<string>();
    for await (const page of holderPages(scope.view, pool)) {
      for (const { SubPool } of page) if (SubPool !== null && SubPool !== pool.Pool) found.add(SubPool);
    }
    const all = [...found].flatMap((text) => parseCidr(text) ?? []);
    const outer = all.filter((one) => !all.some((other) => other !== one && contains(other, one)));
    for (const { family, first, last } of outer.map(cidrRange)) {
      const size = last - first + 1n;
      if (size === 1n || size > MAX_RANGE_SIZE) continue;
      const [from, to] = [first, last].map((value) => withMask(formatAddress({ family, value }), pool.Pool));
      yield [from ?? '', to ?? '', vrf, 'active', 'range of a network of Berth'];
    }
  }
}

async function* addresses(scope: Scope, vrf: string): AsyncGenerator<string[]> {
  for await (const pool of eachPool(scope)) {
    for await (const { Addresses } of addressPages(scope.view, pool)) {
      for (const one of Addresses) {
        const row = addressRow(one);
        if (row !== undefined) yield [withMask(one.Address, pool.Pool), vrf, ...row];
      }
    }
  }
}

/** Its status and description. Nobody has what is free or rests. */
function addressRow({ State, Host, Endpoint, Mac }: AddressUse): [string, string] | undefined {
  const on = Host === '' ? '' : `on host ${Host}`;
  if (State === 'leased') return ['active', description('endpoint', Endpoint, Mac === '' ? '' : `(${Mac})`, on)];
  if (State === 'reserved') return ['reserved', description('reserved by a network', on)];
  return undefined;
}

/** NetBox writes an address with the length of its subnet. */
const withMask = (address: string, pool: string): string => `${address}${pool.slice(pool.indexOf('/'))}`;
