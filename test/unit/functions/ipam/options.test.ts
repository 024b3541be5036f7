import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type PoolOptions, gatewayOf, parseOptions } from '../../../../functions/ipam/pools/options.ts';
import { quote } from '../../../../functions/ipam/quote.ts';
import { Refusal } from '../../../../functions/ipam/refusal.ts';
import { type Cidr, type Family, cidrSize, rangeContains, usableRange } from '../../../../protocol/address.ts';
import { anyCidr, range, ip, cidr } from './values.ts';

const NONE: PoolOptions = {
  space: undefined,
  size: undefined,
  order: 'spread',
  gateway: undefined,
  reserve: [],
  exclusive: false,
  cooldown: undefined,
  name: undefined,
};

const KNOWN = ['space', 'size', 'order', 'gateway', 'reserve', 'exclusive', 'cooldown', 'name'];

const parse = (key: string, value: string, family: Family = 4) => parseOptions({ [`berth.${key}`]: value }, family);

/** Every value that a family takes, with what it means; a missing family ignores the value. */
const good: Record<string, readonly [value: string, v4: Partial<PoolOptions>, v6?: Partial<PoolOptions>][]> = {
  space: [
    ['prod', { space: 'prod' }],
    ['a', { space: 'a' }],
    ['9.to_5-x', { space: '9.to_5-x' }],
    ['x'.repeat(63), { space: 'x'.repeat(63) }],
  ],
  size: [
    ['26', { size: 26 }, {}],
    ['/26', { size: 26 }, {}],
    ['1', { size: 1 }, {}],
    ['32', { size: 32 }, {}],
    ['33', {}, { size: 33 }],
    ['/64', {}, { size: 64 }],
    ['128', {}, { size: 128 }],
    ['26,80', { size: 26 }, { size: 80 }],
    ['/80,/26', { size: 26 }, { size: 80 }],
  ],
  order: [
    ['spread', { order: 'spread' }],
    ['serial', { order: 'serial' }],
  ],
  gateway: [
    ['first', { gateway: 'first' }],
    ['last', { gateway: 'last' }],
    ['none', { gateway: 'none' }],
    ['10.0.0.9', { gateway: ip('10.0.0.9') }, {}],
    ['fd00::9', {}, { gateway: ip('fd00::9') }],
    ['10.0.0.9,fd00::9', { gateway: ip('10.0.0.9') }, { gateway: ip('fd00::9') }],
    ['fd00::9,10.0.0.9', { gateway: ip('10.0.0.9') }, { gateway: ip('fd00::9') }],
  ],
  reserve: [
    ['10.0.0.5', { reserve: [range('10.0.0.5')] }, {}],
    ['10.0.0.5-10.0.0.5', { reserve: [range('10.0.0.5')] }, {}],
    ['10.0.0.16-10.0.0.31', { reserve: [range('10.0.0.16-10.0.0.31')] }, {}],
    ['10.0.0.5,10.0.0.7-10.0.0.8', { reserve: [range('10.0.0.5'), range('10.0.0.7-10.0.0.8')] }, {}],
    ['fd00::5,10.0.0.5', { reserve: [range('10.0.0.5')] }, { reserve: [range('fd00::5')] }],
    ['10.0.0.0-10.0.0.255', { reserve: [range('10.0.0.0-10.0.0.255')] }, {}],
    ['fd00::-fd00::ff', {}, { reserve: [range('fd00::-fd00::ff')] }],
  ],
  exclusive: [
    ['true', { exclusive: true }],
    ['false', { exclusive: false }],
  ],
  cooldown: [
    ['2s', { cooldown: 2_000 }],
    ['2000ms', { cooldown: 2_000 }],
    ['30s', { cooldown: 30_000 }],
    ['5m', { cooldown: 300_000 }],
    ['24h', { cooldown: 86_400_000 }],
    ['1d', { cooldown: 86_400_000 }],
    ['86400s', { cooldown: 86_400_000 }],
    ['86400000ms', { cooldown: 86_400_000 }],
  ],
  name: [
    ['ci-shared', { name: 'ci-shared' }],
    ['x'.repeat(128), { name: 'x'.repeat(128) }],
    ['0', { name: '0' }],
  ],
};

const bad: Record<string, readonly string[]> = {
  space: ['', '-prod', '.', 'a b', 'a/b', 'a,b', 'a#b', 'prod\n', 'ünder', 'x'.repeat(64)],
  size: [
    '',
    '0',
    '129',
    '999',
    '-1',
    '1.5',
    '26 ',
    'x',
    '//26',
    '26,',
    ',26',
    '26,0',
    '26;80',
    '26,129',
    '1000',
    '2e1',
  ],
  order: ['', 'random', 'Spread', 'serial ', 'first'],
  gateway: ['', 'First', 'middle', '10.0.0', '10.0.0.1/24', 'first,10.0.0.1', '10.0.0.1,', 'none,none', 'fd00::1%eth0'],
  reserve: [
    '',
    ',',
    '10.0.0.5,',
    '10.0.0',
    '-10.0.0.5',
    '10.0.0.5-',
    '10.0.0.5-x',
    '10.0.0.5-10.0.0.300',
    '10.0.0.5-10.0.0.6-10.0.0.7',
    '10.0.0.6-10.0.0.5',
    '10.0.0.5-fd00::5',
    '10.0.0.0/24',
    '10.0.0.5 - 10.0.0.6',
    'fd00::6-fd00::5',
  ],
  exclusive: ['', 'True', 'yes', '1', 'true ', '0', 'no'],
  cooldown: ['', '30', 's', '30 s', '30S', '1.5m', '-5s', '30sec', '2d', '1m30s', '0s', 'constructor', '30toString'],
  name: ['', '-x', '.x', 'a b', 'a/b', 'a#b', 'x\n', 'x'.repeat(129), 'é'],
};

const refuses = (run: () => unknown, message: string | RegExp): void => {
  assert.throws(run, { name: 'Refusal', code: 'invalid-request', message });
};

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
  return assert.fail('the options were accepted');
}

describe('parseOptions', () => {
  it('returns the defaults for no options', () => {
    assert.deepEqual(parseOptions({}, 4), NONE);
    assert.deepEqual(parseOptions({}, 6), NONE);
  });

  for (const [key, rows] of Object.entries(good)) {
    for (const [value, v4, v6 = v4] of rows) {
      it(`accepts berth.${key}=${value.slice(0, 40)}`, () => {
        assert.deepEqual(parse(key, value, 4), { ...NONE, ...v4 });
        assert.deepEqual(parse(key, value, 6), { ...NONE, ...v6 });
      });
    }
  }

  for (const [key, values] of Object.entries(bad)) {
    it(`refuses a bad berth.${key} for either family, and says which values are valid`, () => {
      for (const value of values) {
        const start = `bad value ${quote(value)} for berth.${key}: give `;
        for (const family of [4, 6] as const) {
          const told = refusal(() => parse(key, value, family));
          assert.ok(told.startsWith(start) && told.length > start.length, told);
        }
      }
    });
  }

  it('accepts many options at once', () => {
    const options = { 'berth.size': '26', 'berth.order': 'serial', 'berth.exclusive': 'true', 'berth.name': 'ci' };
    assert.deepEqual(parseOptions(options, 4), { ...NONE, size: 26, order: 'serial', exclusive: true, name: 'ci' });
  });

  it('refuses one bad value among good ones', () => {
    const options = { 'berth.size': '26', 'berth.order': 'sideways', 'berth.exclusive': 'true' };
    refuses(() => parseOptions(options, 4), 'bad value "sideways" for berth.order: give spread or serial');
  });

  it('ignores options that are not meant for Berth', () => {
    const foreign = { 'com.docker.network.bridge.name': 'br0', berth: '1', 'Berth.size': 'x', berthsize: 'x', '': '' };
    assert.deepEqual(parseOptions(foreign, 4), NONE);
  });

  it('refuses an unknown key, and lists the known keys', () => {
    const known = KNOWN.map((key) => `berth.${key}`).join(', ');
    for (const key of ['berth.sise', 'berth.', 'berth.Size', 'berth.size ', 'berth.constructor', 'berth.size.v4']) {
      refuses(() => parseOptions({ [key]: '26' }, 4), `unknown option ${key}; the options are ${known}`);
    }
  });

  it('refuses an unknown key with a bounded error on one line', () => {
    const key = `berth.\n\u202e${'x'.repeat(200)}`;
    const told = refusal(() => parseOptions({ [key]: '26' }, 4));
    assert.ok(
      told.startsWith(String.raw`unknown option berth.\u{a}\u{202e}${'x'.repeat(61)}…; the options are `),
      told,
    );
  });

  it('knows no option that these tables lack', () => {
    assert.deepEqual(Object.keys(good), KNOWN);
    assert.deepEqual(Object.keys(bad), KNOWN);
  });
});

describe('berth.cooldown', () => {
  const told = /give a time from 2s to 24h, such as 30s$/;
  for (const value of ['0ms', '1999ms', '1s', '86400001ms', '86401s', '1441m', '25h', '99999999h', '100000000ms']) {
    it(`refuses ${value}, which is out of bounds`, () => {
      refuses(() => parse('cooldown', value), told);
    });
  }
});

describe('berth.reserve', () => {
  it('accepts 256 addresses of a family and no more', () => {
    assert.equal(parse('reserve', '10.0.0.0-10.0.0.127,10.0.1.0-10.0.1.127').reserve.length, 2);
    refuses(
      () => parse('reserve', '10.0.0.0-10.0.1.0'),
      /for berth\.reserve: give at most 256 addresses; this is 257$/,
    );
    refuses(() => parse('reserve', '10.0.0.0-10.0.0.127,10.0.1.0-10.0.1.127,10.0.2.0'), /; this is 257$/);
  });

  it('counts a range without walking through it', () => {
    refuses(
      () => parse('reserve', '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 6),
      new RegExp(`; this is ${2n ** 128n}$`),
    );
  });

  it('does not count the addresses of the other family', () => {
    const both = 'fd00::-fd00::ffff,10.0.0.5';
    assert.deepEqual(parse('reserve', both, 4).reserve, [range('10.0.0.5')]);
    refuses(() => parse('reserve', both, 6), /; this is 65536$/);
  });
});

describe('gatewayOf', () => {
  const table: readonly [pool: string, first: string | undefined, last: string | undefined][] = [
    ['10.0.0.0/24', '10.0.0.1', '10.0.0.254'],
    ['10.0.0.128/29', '10.0.0.129', '10.0.0.134'],
    ['10.0.0.4/30', '10.0.0.5', '10.0.0.6'],
    ['10.0.0.4/31', undefined, undefined],
    ['10.0.0.4/32', undefined, undefined],
    ['0.0.0.0/0', '0.0.0.1', '255.255.255.254'],
    ['fd00::/64', 'fd00::1', 'fd00::ffff:ffff:ffff:ffff'],
    ['fd00::4/126', 'fd00::5', 'fd00::7'],
    ['fd00::4/127', undefined, undefined],
    ['fd00::4/128', undefined, undefined],
  ];
  for (const [pool, first, last] of table) {
    it(`returns ${first ?? 'none'} for ${pool}, on request ${last ?? 'none'} or none`, () => {
      assert.deepEqual(gatewayOf(cidr(pool), undefined), first === undefined ? undefined : ip(first));
      assert.deepEqual(gatewayOf(cidr(pool), 'first'), first === undefined ? undefined : ip(first));
      assert.deepEqual(gatewayOf(cidr(pool), 'last'), last === undefined ? undefined : ip(last));
      assert.equal(gatewayOf(cidr(pool), 'none'), undefined);
    });
  }

  const chosen: readonly [pool: string, choice: string, taken: boolean][] = [
    ['10.0.0.0/24', '10.0.0.77', true],
    ['10.0.0.0/24', '10.0.0.1', true],
    ['10.0.0.0/24', '10.0.0.254', true],
    ['10.0.0.0/24', '10.0.0.0', false],
    ['10.0.0.0/24', '10.0.0.255', false],
    ['10.0.0.0/24', '10.0.1.1', false],
    ['10.0.0.0/24', '9.255.255.255', false],
    ['10.0.0.0/24', '::a00:1', false],
    ['10.0.0.4/31', '10.0.0.4', true],
    ['10.0.0.4/31', '10.0.0.6', false],
    ['10.0.0.4/32', '10.0.0.4', true],
    ['fd00::/64', 'fd00::', false],
    ['fd00::/64', 'fd00::ffff:ffff:ffff:ffff', true],
    ['fd00::4/127', 'fd00::5', true],
    ['fd00::4/127', 'fd00::4', false],
  ];
  for (const [pool, choice, taken] of chosen) {
    it(`${taken ? 'takes' : 'refuses'} ${choice} in ${pool}`, () => {
      const run = () => gatewayOf(cidr(pool), ip(choice));
      if (taken) assert.deepEqual(run(), ip(choice));
      else refuses(run, `berth.gateway lies outside the usable addresses of ${pool}`);
    });
  }

  it('returns a usable address, and always one in a pool of four addresses or more', () => {
    const usableIn = (pool: Cidr, choice: 'first' | 'last'): boolean => {
      const [gateway, usable] = [gatewayOf(pool, choice), usableRange(pool)];
      return gateway !== undefined && usable !== undefined && rangeContains(usable, gateway);
    };
    fc.assert(
      fc.property(anyCidr, fc.constantFrom('first', 'last'), (pool, choice) => {
        assert.equal(usableIn(pool, choice), cidrSize(pool) >= 4n);
      }),
    );
  });
});
