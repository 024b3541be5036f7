/**
 * The networks that this host already reaches, so that an automatic pool does not overlap them. dockerd checks that too,
 * by asking for another pool again and again; with the routes in the request, the first pool fits.
 */
import { readFile } from 'node:fs/promises';

export interface HostNetwork {
  /** CIDRs, broadest first. */
  readonly routes: readonly string[];
  readonly nameservers: readonly string[];
}

/** Bytes of routes that fit into a header; the broadest routes matter most. */
const MAX_ROUTES_LENGTH = 4_000;

export async function readHostNetwork(files = SYSTEM_FILES): Promise<HostNetwork> {
  const [routes4 = '', routes6 = '', tables4 = '', ...resolvers] = await Promise.all(
    [files.routes4, files.routes6, files.tables4, ...files.resolvers].map(readOrNothing),
  );
  const routes = [...parseRoutes4(routes4), ...parseTables4(tables4), ...parseRoutes6(routes6)].sort(
    (a, b) => a.prefix - b.prefix,
  );
  return {
    routes: fitting(routes.map(({ text }) => text)),
    nameservers: [...new Set(resolvers.flatMap(parseNameservers))],
  };
}

const SYSTEM_FILES = {
  routes4: '/proc/self/net/route',
  // Of every table.
  routes6: '/proc/self/net/ipv6_route',
  // Of every table. The first file has only the main table, but also the gateways.
  tables4: '/proc/self/net/fib_trie',
  // With systemd-resolved, the first file names its stub and the second the servers.
  resolvers: ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'],
};

/** Not every kernel has every file. */
const readOrNothing = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');

interface Route {
  readonly text: string;
  readonly prefix: number;
}

/** The kernel's flag of a route through a gateway (RTF_GATEWAY). */
const GATEWAY_FLAG = 0x2;
/**
 * Routes through a gateway name networks that this host reaches, such as peered VPCs. Routes of this prefix length or
 * shorter do not count: they only say where all other traffic goes, such as the halves of the Internet, or 10/8 behind a
 * VPN.
 */
const MIN_SUMMARY_LENGTH = { 4: 11, 6: 31 } as const;

const isSummary = (family: 4 | 6, prefix: number, flags = ''): boolean =>
  (parseInt(flags, 16) & GATEWAY_FLAG) !== 0 && prefix <= MIN_SUMMARY_LENGTH[family];

/** The kernel's flag of a route that rejects (RTF_REJECT): it reaches nothing, and a Docker network takes precedence. */
const REJECT_FLAG = 0x200;
/** Routes without a device: `unreachable`, `blackhole`, `prohibit` and `throw`. Not all of them have the flag. */
const NO_DEVICE = '*';

/** Destination and mask are little-endian hexadecimal (proc_pid_net(5)). Default routes are left out. */
function parseRoutes4(table: string): Route[] {
  return rows(table.slice(table.indexOf('\n') + 1)).flatMap((fields) => {
    const [destination, mask] = [fields[1], fields[7]];
    if (destination?.length !== 8 || mask?.length !== 8 || fields[0] === NO_DEVICE) return [];
    const bytes = (hex: string): number[] => [6, 4, 2, 0].map((at) => parseInt(hex.slice(at, at + 2), 16));
    const prefix = bytes(mask).reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
    return prefix === 0 || isSummary(4, prefix, fields[3])
      ? []
      : [{ text: `${bytes(destination).join('.')}/${prefix}`, prefix }];
  });
}

/**
 * Routes of tables other than the main one, which VPN clients and policy routing use (`Id 51820:`). Every table counts,
 * since the kernel shows only by netlink which rule selects a table. A route of scope `universe` goes through a gateway.
 */
function parseTables4(trie: string): Route[] {
  const routes: Route[] = [];
  let [isOther, destination] = [false, ''];
  for (const line of trie.split('\n')) {
    if (/^\S/.test(line)) isOther = line.startsWith('Id ');
    destination = /^ *\|-- ([\d.]+)$/.exec(line)?.[1] ?? destination;
    const [, length, scope] = /^ *\/(\d+) (\S+) UNICAST\b/.exec(line) ?? [];
    const prefix = Number(length ?? 0);
    const flags = scope === 'universe' ? GATEWAY_FLAG.toString(16) : '';
    if (isOther && prefix > 0 && !isSummary(4, prefix, flags))
      routes.push({ text: `${destination}/${prefix}`, prefix });
  }
  return routes;
}

/** Left out are local addresses (/128), link-local and multicast ranges, since no pool overlaps them. */
function parseRoutes6(table: string): Route[] {
  return rows(table).flatMap(([destination = '', length = '', ...fields]) => {
    const prefix = parseInt(length, 16);
    if (destination.length !== 32 || !(prefix > 0 && prefix < 128) || /^(fe[89ab]|ff)/.test(destination)) return [];
    if (isSummary(6, prefix, fields[6]) || (parseInt(fields[6] ?? '', 16) & REJECT_FLAG) !== 0) return [];
    return [{ text: `${(destination.match(/.{4}/g) ?? []).join(':')}/${prefix}`, prefix }];
  });
}

const rows = (table: string): string[][] =>
  table
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split(/\s+/));

const parseNameservers = (text: string): string[] =>
  [...text.matchAll(/^\s*nameserver\s+([0-9A-Fa-f.:]+)/gm)].flatMap(([, address]) => address ?? []);

function fitting(routes: readonly string[]): string[] {
  let length = 0;
  return [...new Set(routes)].filter((route) => (length += route.length + 1) <= MAX_ROUTES_LENGTH);
}
