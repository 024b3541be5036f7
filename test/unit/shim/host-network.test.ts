import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import fc from 'fast-check';
import { cidrAt, formatCidr, parseCidr } from '../../../protocol/address.ts';
import { type HostNetwork, readHostNetwork } from '../../../shim/host/routes.ts';
import { temporaryFolder } from './temporary.ts';

/** As the kernel prints it, every line padded with spaces. */
const ROUTES4 = [
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
  'eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0',
  'docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0',
  'eth0\t0000A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0',
  'vpn0\t0000000A\t00000000\t0001\t0\t0\t50\t000000FF\t0\t0\t0',
  'vpn0\t40E02D0A\t00000000\t0001\t0\t0\t50\tC0FFFFFF\t0\t0\t0',
  'eth0\tFEA9FEA9\t00000000\t0005\t0\t0\t100\tFFFFFFFF\t0\t0\t0',
]
  .map((line) => line.padEnd(127))
  .join('\n');

const ZERO = '00000000000000000000000000000000';
const route6 = (destination: string, prefix: string, device: string): string =>
  `${destination} ${prefix} ${ZERO} 00 ${ZERO} 00000100 00000001 00000000 00000001 ${device.padStart(8)}`;

const ROUTES6 = [
  route6('fdbe5274680000010000000000000000', '40', 'docker1'),
  route6('20010db8000000000000000000000000', '20', 'eth0'),
  route6('fe800000000000000000000000000000', '40', 'eth0'),
  route6('febf0000000000000000000000000000', '10', 'eth0'),
  route6(ZERO, '00', 'eth0'),
  route6('00000000000000000000000000000001', '80', 'lo'),
  route6('fdbe5274680000010000000000000001', '80', 'docker1'),
  route6('ff000000000000000000000000000000', '08', 'eth0'),
].join('\n');

/** Two tables of a VPN client and of policy routing, as the kernel prints them; those of the main table are read elsewhere. */
const TRIES = `Id 100:
  +-- 0.0.0.0/4 2 0 2
     |-- 0.0.0.0
        /0 universe UNICAST
        /1 universe UNICAST
     +-- 10.8.0.0/14 2 0 2
        |-- 10.9.0.0
           /16 universe UNICAST
        |-- 10.10.0.0
           /16 universe BLACKHOLE
Id 51820:
  |-- 10.8.0.0
     /16 link UNICAST tos=16
Main:
  +-- 0.0.0.0/0 3 0 4
     |-- 10.77.0.0
        /24 link UNICAST
     |-- 10.200.0.1
        /32 host LOCAL
`;

async function read(
  t: TestContext,
  tables: { four?: string; six?: string; tries?: string; resolvers?: string[] },
): Promise<HostNetwork> {
  const folder = await temporaryFolder(t);
  const write = async (name: string, text: string | undefined): Promise<string> => {
    const file = path.join(folder, name);
    if (text !== undefined) await writeFile(file, text);
    return file;
  };
  return readHostNetwork({
    routes4: await write('route', tables.four),
    routes6: await write('ipv6_route', tables.six),
    tables4: await write('fib_trie', tables.tries),
    resolvers: await Promise.all((tables.resolvers ?? []).map((text, i) => write(`resolv.conf.${i}`, text))),
  });
}

/** A line of the kernel's table: destination and mask are the network's bytes in memory, read as one little-endian word. */
function routeLine(destination: bigint, prefix: number): string {
  const hex = (word: bigint): string =>
    (word.toString(16).padStart(8, '0').match(/../g) ?? []).reverse().join('').toUpperCase();
  const mask = ((1n << BigInt(prefix)) - 1n) << BigInt(32 - prefix);
  return `eth0\t${hex(destination)}\t00000000\t0001\t0\t0\t0\t${hex(mask)}\t0\t0\t0`;
}
const table4 = (lines: readonly string[]): string => ['Iface\tDestination\tGateway', ...lines, ''].join('\n');

describe('the routes of a host', () => {
  it('are those of its IPv4 table, broadest first, without the default route', async (t) => {
    const { routes } = await read(t, { four: ROUTES4 });
    const expected = ['10.0.0.0/8', '172.17.0.0/16', '192.168.0.0/24', '10.45.224.64/26', '169.254.169.254/32'];
    assert.deepEqual(routes, expected);
  });

  it('are those of its IPv6 table, without default, local, link-local and multicast ones', async (t) => {
    const { routes } = await read(t, { six: ROUTES6 });
    assert.deepEqual(
      routes.map((text) => formatCidr(parseCidr(text) ?? assert.fail(text))),
      ['2001:db8::/32', 'fdbe:5274:6800:1::/64'],
    );
  });

  it('leave out broad ones through a gateway, which act as default routes', async (t) => {
    const four = table4([
      'tun0\t00000000\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0',
      'tun0\t00000080\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0',
      'tun0\t0000000A\t0100080A\t0003\t0\t0\t0\t000000FF\t0\t0\t0',
      'eth0\t0000100A\t0100080A\t0003\t0\t0\t0\t0000F0FF\t0\t0\t0',
    ]);
    const summary = route6('fc000000000000000000000000000000', '07', 'tun0').replace('00000001 ', '00000003 ');
    const six = summary.replace(/00000001( +tun0)$/, '00000003$1');
    assert.deepEqual((await read(t, { four, six })).routes, ['10.16.0.0/12']);
  });

  it('leave out those that reject packets, whose addresses a network of Docker may have', async (t) => {
    const refusing = [
      '*\t0000400A\t00000000\t0201\t0\t0\t0\t0000C0FF\t0\t0\t0',
      '*\t000010AC\t00000000\t0001\t0\t0\t0\t0000F0FF\t0\t0\t0',
    ];
    const four = table4([...refusing, routeLine(0x0a000000n, 24)]);
    const reject = route6('fd000009000000000000000000000000', '20', 'lo').replace(/00000001( +lo)$/, '00200200$1');
    const { routes } = await read(t, { four, six: [reject, ROUTES6].join('\n') });
    assert.equal(routes[0], '10.0.0.0/24');
    assert.ok(!routes.some((text) => text.startsWith('fd00:0009')));
  });

  it('include those of other tables, without those that reject packets and broad ones through a gateway', async (t) => {
    const { routes } = await read(t, { four: table4([routeLine(0xac110000n, 16)]), tries: TRIES });
    assert.deepEqual(routes, ['172.17.0.0/16', '10.9.0.0/16', '10.8.0.0/16']);
  });

  it('are in one order for both families', async (t) => {
    const { routes } = await read(t, { four: ROUTES4, six: ROUTES6 });
    const prefixes = routes.map((text) => Number(text.split('/')[1]));
    assert.deepEqual(prefixes, [8, 16, 24, 26, 32, 32, 64]);
  });

  it('are empty without tables, with empty ones, and with a heading only', async (t) => {
    assert.deepEqual(await read(t, {}), { routes: [], nameservers: [] });
    assert.deepEqual(await read(t, { four: '', six: '' }), { routes: [], nameservers: [] });
    assert.deepEqual(await read(t, { four: ROUTES4.split('\n')[0] ?? '', six: '\n' }), { routes: [], nameservers: [] });
  });

  it('leave out meaningless lines', async (t) => {
    const four = table4(['', 'eth0', 'eth0\t0A\t0\t0\t0\t0\t0\tFF', routeLine(0x0a000000n, 8)]);
    assert.deepEqual((await read(t, { four, six: 'fd00 40\n\nfd' })).routes, ['10.0.0.0/8']);
  });

  it('name a network once even if it is reached in two ways', async (t) => {
    const four = table4([routeLine(0x0a000000n, 8), routeLine(0x0a000000n, 8)]);
    assert.deepEqual((await read(t, { four })).routes, ['10.0.0.0/8']);
  });

  it('are parsed as the kernel writes them, for every network and mask', async (t) => {
    const anyRoute = fc.record({ value: fc.bigInt(0n, 2n ** 32n - 1n), prefix: fc.integer({ min: 1, max: 32 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(anyRoute, { minLength: 1, maxLength: 40 }), async (any) => {
        const cidrs = any.map(({ value, prefix }) => cidrAt({ family: 4, value }, prefix));
        const { routes } = await read(t, { four: table4(cidrs.map(({ first, prefix }) => routeLine(first, prefix))) });
        assert.deepEqual(new Set(routes), new Set(cidrs.map(formatCidr)));
      }),
      { numRuns: 30 },
    );
  });
});

describe('many routes', () => {
  const narrow = Array.from({ length: 400 }, (_, i) => routeLine(0x0a000000n + BigInt(i * 256), 24));

  it('are limited to the size of a header, the broadest first', async (t) => {
    const broad = [routeLine(0xac100000n, 12), routeLine(0xc0a80000n, 16)];
    const { routes } = await read(t, { four: table4([...narrow, ...broad]) });
    assert.deepEqual(routes.slice(0, 3), ['172.16.0.0/12', '192.168.0.0/16', '10.0.0.0/24']);
    const length = routes.join(',').length;
    assert.ok(length < 4_000 && length > 3_980, String(length));
  });

  it('end before the first that does not fit, even if a narrower one after it would', async (t) => {
    const broad = [routeLine(0x0a000000n, 8), routeLine(0xac100000n, 12)];
    const long = Array.from({ length: 300 }, (_, i) => {
      const [second, third] = [100 + Math.floor(i / 100), 100 + (i % 100)];
      return routeLine(BigInt((100 << 24) + (second << 16) + (third << 8)), 24);
    });
    const short = routeLine(0x09000000n, 25);
    const { routes } = await read(t, { four: table4([short, ...long, ...broad]) });
    // After 11 + 14 bytes for the broad routes, 233 of 17 bytes leave 14 bytes, and the short one would take 11.
    assert.equal(routes.length, 2 + 233);
    assert.ok(!routes.includes('9.0.0.0/25'));
  });
});

describe('the name servers of a host', () => {
  it('are those of all files, each once', async (t) => {
    const stub = '# written by systemd-resolved\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.com\n';
    const real = 'nameserver 192.168.1.1\nnameserver 192.168.1.1\n\tnameserver   fd00::53  \nnameserver 127.0.0.53';
    const { nameservers } = await read(t, { resolvers: [stub, real] });
    assert.deepEqual(nameservers, ['127.0.0.53', '192.168.1.1', 'fd00::53']);
  });

  it('are not read from comments or other keywords', async (t) => {
    const resolvers = ['#nameserver 10.0.0.1\n; nameserver 10.0.0.2\nnameservers 10.0.0.3\nmynameserver 10.0.0.4\n'];
    assert.deepEqual((await read(t, { resolvers })).nameservers, []);
  });

  it('are listed without the zone of a link-local address', async (t) => {
    assert.deepEqual((await read(t, { resolvers: ['nameserver fe80::1%eth0\n'] })).nameservers, ['fe80::1']);
  });
});

describe('this host', () => {
  it('is read from the default places of its tables, as CIDRs that the functions understand', async () => {
    const { routes } = await readHostNetwork();
    for (const text of routes) assert.notEqual(parseCidr(text), undefined, text);
  });
});
