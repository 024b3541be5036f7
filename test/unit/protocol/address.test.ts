import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import {
  type Address,
  addressBits,
  cidrAt,
  cidrRange,
  cidrSize,
  formatAddress,
  formatCidr,
  parseAddress,
  parseCidr,
} from '../../../protocol/address.ts';
import { anyAddress, ip, cidr } from '../functions/ipam/values.ts';

const bytesOf = ({ family, value }: Address): number[] =>
  Array.from({ length: addressBits(family) / 8 }, (_, i) =>
    Number((value >> BigInt(addressBits(family) - 8 * (i + 1))) & 0xffn),
  );

const valueOf = (bytes: readonly number[]): bigint => bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);

/** By ipaddr.js. */
function canonical(wanted: Address): string {
  const parsed = ipaddr.fromByteArray(bytesOf(wanted));
  return 'toRFC5952String' in parsed ? parsed.toRFC5952String() : parsed.toString();
}

/** Any legal spelling of an address: letter case, leading zeros, `::` at any zeros, a dotted tail. */
const anySpelling: fc.Arbitrary<{ spelled: string; meant: Address }> = fc
  .record({
    meant: anyAddress,
    width: fc.integer({ min: 1, max: 4 }),
    upper: fc.boolean(),
    dotted: fc.boolean(),
    cut: fc.record({ start: fc.nat(7), length: fc.integer({ min: 1, max: 8 }) }),
  })
  .map(({ meant, width, upper, dotted, cut }) => {
    if (meant.family === 4) return { meant, spelled: bytesOf(meant).join('.') };
    const bytes = bytesOf(meant);
    const groups = Array.from({ length: 8 }, (_, i) =>
      valueOf(bytes.slice(2 * i, 2 * i + 2))
        .toString(16)
        .padStart(width, '0'),
    );
    const parts = dotted ? [...groups.slice(0, 6), bytes.slice(12).join('.')] : groups;
    const end = cut.start + cut.length;
    const zeros = parts.slice(cut.start, end);
    const cuts = end <= parts.length && zeros.every((part) => /^0+$/.test(part));
    const text = cuts ? `${parts.slice(0, cut.start).join(':')}::${parts.slice(end).join(':')}` : parts.join(':');
    return { meant, spelled: upper ? text.toUpperCase() : text };
  });

describe('parseAddress', () => {
  const good: readonly [text: string, value: bigint][] = [
    ['0.0.0.0', 0n],
    ['255.255.255.255', 0xffffffffn],
    ['10.0.0.1', 0x0a000001n],
    ['::', 0n],
    ['::1', 1n],
    ['1::', 1n << 112n],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 2n ** 128n - 1n],
    ['1:2:3:4:5:6:7::', 0x00010002000300040005000600070000n],
    ['::2:3:4:5:6:7:8', 0x00000002000300040005000600070008n],
    ['FDBE:5274:6800::A', 0xfdbe527468000000000000000000000an],
    ['::ffff:192.0.2.128', 0xffffc0000280n],
    ['64:ff9b::192.0.2.33', 0x0064ff9b0000000000000000c0000221n],
    ['::1.2.3.4', 0x01020304n],
    ['1:2:3:4:5:6:7.8.9.10', 0x0001000200030004000500060708090an],
  ];
  for (const [text, value] of good) {
    it(`reads ${text}`, () => {
      assert.deepEqual(parseAddress(text), { family: text.includes(':') ? 6 : 4, value });
    });
  }

  const bad: readonly [why: string, ...texts: string[]][] = [
    ['nothing', '', ' ', '.', '...', ':', ':::', '::::'],
    ['a leading zero, which some parsers read as octal', '010.0.0.1', '10.00.0.1', '10.0.0.01', '::ffff:192.0.2.01'],
    ['hexadecimal, octal and short forms of inet_aton', '0x0a.0.0.1', '0xa000001', '167772161', '10.1', '1.2.3'],
    ['an octet above 255', '256.0.0.1', '1.2.3.999', '1.2.3.1000', '::1.2.3.256'],
    ['too many or empty octets', '1.2.3.4.5', '1..3.4', '.1.2.3.4', '1.2.3.4.', '1.2.3.'],
    ['a sign or a space', '-1.0.0.1', '+1.0.0.1', ' 1.2.3.4', '1.2.3.4 ', '1.2.3.4\n', '::1 ', '\t::1'],
    ['digits of other scripts', '١.٢.٣.٤', '１.2.3.4'],
    ['a zone index', 'fe80::1%eth0', 'fe80::1%1', '::1%', '1.2.3.4%eth0'],
    ['a prefix length or a port', '10.0.0.1/24', '::1/64', '1.2.3.4:80', '[::1]', '[::1]:80'],
    ['two gaps', '1::2::3', '::1::', ':::1', '1:::2'],
    ['a gap that stands for no group', '1:2:3:4:5:6:7:8::', '::1:2:3:4:5:6:7:8', '1:2:3:4::5:6:7:8'],
    ['too few or too many groups', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:1.2.3.4', '1:2'],
    ['a group too long or not hexadecimal', '12345::', '00001::', 'g::', '::0x1', '1:2:3:4:5:6:7:-8'],
    ['a colon at an end', ':1:2:3:4:5:6:7', '1:2:3:4:5:6:7:', ':1::2', '1::2:'],
    ['dotted octets anywhere but at the end', '1.2.3.4:1::', '::1.2.3.4:1', '1:2:3:4:5:1.2.3.4:6'],
    ['dotted octets before a run of zeros', '1.2.3.4::', '1:1.2.3.4::5', 'fd00:1.2.3.4::'],
    ['words', 'localhost', 'any', '10.0.0.x', 'fd00::nope', 'undefined'],
  ];
  for (const [why, ...texts] of bad) {
    it(`refuses ${why}`, () => {
      for (const text of texts) assert.equal(parseAddress(text), undefined, JSON.stringify(text));
    });
  }

  it('reads every spelling of an address as ipaddr.js does', () => {
    fc.assert(
      fc.property(anySpelling, ({ spelled, meant }) => {
        assert.deepEqual(parseAddress(spelled), meant);
        // ipaddr.js reads `::1.2.3.4` as `::ffff:1.2.3.4`, unlike RFC 4291 §2.5.5.1 and everyone else.
        if (!/^::[\d.]+$/.test(spelled)) assert.equal(meant.value, valueOf(ipaddr.parse(spelled).toByteArray()));
      }),
      { numRuns: 1_000 },
    );
  });

  it('accepts what node:net accepts when one character of an address is changed, and nothing else', () => {
    const character = fc.constantFrom(...Array.from('0123456789abcdefABCDEFg:.-+/ x'));
    const edit = fc.record({ at: fc.nat(40), removed: fc.nat(1), inserted: fc.oneof(fc.constant(''), character) });
    fc.assert(
      fc.property(anySpelling, edit, ({ spelled }, { at, removed, inserted }) => {
        const edited = spelled.slice(0, at) + inserted + spelled.slice(at + removed);
        assert.equal(parseAddress(edited)?.family ?? 0, isIP(edited), JSON.stringify(edited));
      }),
      { numRuns: 5_000 },
    );
  });

  it('refuses garbage', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(parseAddress(text)?.family ?? 0, isIP(text), JSON.stringify(text));
      }),
    );
  });
});

describe('formatAddress', () => {
  // RFC 5952 §4.1 to §4.3, and the edges of a run.
  const examples: readonly [text: string, canonical: string][] = [
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::AAAA', '2001:db8::aaaa'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['0:1:0:1:0:1:0:1', '0:1:0:1:0:1:0:1'],
    ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
  ];
  for (const [text, expected] of examples) {
    it(`writes ${text} as ${expected}`, () => {
      assert.equal(formatAddress(ip(text)), expected);
    });
  }

  it('agrees with ipaddr.js on every address, and its output parses back', () => {
    fc.assert(
      fc.property(anyAddress, (any) => {
        const text = formatAddress(any);
        assert.equal(text, canonical(any));
        assert.deepEqual(parseAddress(text), any);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('parseCidr', () => {
  const good: readonly [text: string, canonical: string][] = [
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/32', '10.1.2.3/32'],
    ['10.1.2.3/31', '10.1.2.2/31'],
    ['255.255.255.255/0', '0.0.0.0/0'],
    ['10.1.2.3/0', '0.0.0.0/0'],
    ['fd00::ffff/64', 'fd00::/64'],
    ['fd00::ffff/127', 'fd00::fffe/127'],
    ['fd00::ffff/128', 'fd00::ffff/128'],
    ['ffff::/0', '::/0'],
    ['::ffff:10.0.0.1/96', '::ffff:0:0/96'],
  ];
  for (const [text, expected] of good) {
    it(`reads ${text} as ${expected}`, () => {
      assert.equal(formatCidr(cidr(text)), expected);
    });
  }

  const bad: readonly [why: string, ...texts: string[]][] = [
    ['a missing part', '', '/', '/24', '10.0.0.0', '10.0.0.0/', '10/8'],
    ['a length beyond the family', '10.0.0.0/33', '10.0.0.0/1000', 'fd00::/129'],
    ['a length that is not a plain number', '10.0.0.0/08', 'fd00::/064', '10.0.0.0/+8', '10.0.0.0/-1', '10.0.0.0/8.0'],
    ['a length in another notation', '10.0.0.0/0x8', 'fd00::/1e1', '10.0.0.0/255.0.0.0'],
    ['what parseAddress refuses', '010.0.0.0/8', 'fe80::%eth0/64', '10.0.0.256/8'],
    ['spaces and extra slashes', '10.0.0.0/8 ', ' 10.0.0.0/8', '10.0.0.0 /8', '10.0.0.0/8/8', '10.0.0.0//8'],
  ];
  for (const [why, ...texts] of bad) {
    it(`refuses ${why}`, () => {
      for (const text of texts) assert.equal(parseCidr(text), undefined, JSON.stringify(text));
    });
  }

  it('masks as ipaddr.js does, and its output parses back', () => {
    fc.assert(
      fc.property(anyAddress, fc.nat(128), (any, number) => {
        const prefix = number % (addressBits(any.family) + 1);
        const text = `${formatAddress(any)}/${prefix}`;
        const parsed = cidr(text);
        const ends =
          any.family === 4
            ? [ipaddr.IPv4.networkAddressFromCIDR(text), ipaddr.IPv4.broadcastAddressFromCIDR(text)]
            : [ipaddr.IPv6.networkAddressFromCIDR(text), ipaddr.IPv6.broadcastAddressFromCIDR(text)];
        const [first, last] = ends.map((end) => valueOf(end.toByteArray()));
        assert.deepEqual(cidrRange(parsed), { family: any.family, first, last });
        assert.equal(cidrSize(parsed), (last ?? 0n) - (first ?? 0n) + 1n);
        assert.deepEqual(cidrAt(any, prefix), parsed);
        assert.deepEqual(parseCidr(formatCidr(parsed)), parsed);
      }),
      { numRuns: 1_000 },
    );
  });
});
