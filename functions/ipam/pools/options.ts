/** What users can ask for with `--ipam-opt berth.KEY=VALUE` (docs/options.md). */
import {
  type Address,
  type Cidr,
  type Family,
  type Range,
  cidrRange,
  formatCidr,
  parseAddress,
  parseRange,
  rangeContains,
  usableRange,
} from '../../../protocol/address.ts';
import { parseDuration } from '../../../protocol/duration.ts';
import { isLocalSpaceName } from '../../../protocol/ids.ts';
import { clip, quote } from '../quote.ts';
import { Refusal } from '../refusal.ts';
import { MAX_COOLDOWN_MS, MIN_COOLDOWN_MS } from '../space.ts';

export interface PoolOptions {
  readonly space: string | undefined;
  /** Prefix length of an automatic pool. */
  readonly size: number | undefined;
  readonly order: 'spread' | 'serial';
  readonly gateway: 'first' | 'last' | 'none' | Address | undefined;
  readonly reserve: readonly Range[];
  readonly exclusive: boolean;
  /** ms */
  readonly cooldown: number | undefined;
  readonly name: string | undefined;
}

type Parser = (value: string, family: Family) => Partial<PoolOptions>;

/** A reservation is written address by address, so this bounds the number of writes. */
const MAX_RESERVED_ADDRESSES = 256n;

/**
 * The options of one family. Docker sends the same options for the IPv4 and the IPv6 pool of a network, so values that
 * only make sense for the other family (`berth.size`, `berth.gateway`, `berth.reserve` take lists) are ignored.
 *
 * @throws Refusal `invalid-request` for an unknown `berth.` key or a bad value; it names what is accepted.
 */
export function parseOptions(options: Readonly<Record<string, string>>, family: Family): PoolOptions {
  const parsed: PoolOptions = {
    space: undefined,
    size: undefined,
    order: 'spread',
    gateway: undefined,
    reserve: [],
    exclusive: false,
    cooldown: undefined,
    name: undefined,
  };
  return Object.entries(options).reduce<PoolOptions>((all, [key, value]) => {
    if (!key.startsWith('berth.')) return all;
    const parse = parsers.get(key);
    if (parse === undefined) {
      throw new Refusal(
        'invalid-request',
        `unknown option ${clip(key)}; the options are ${[...parsers.keys()].join(', ')}`,
      );
    }
    return { ...all, ...parse(value, family) };
  }, parsed);
}

const parsers = new Map<string, Parser>([
  [
    'berth.space',
    (value) => ({
      space: isLocalSpaceName(value) ? value : bad('space', value, 'a name such as prod that does not end in .global'),
    }),
  ],
  ['berth.size', parseSize],
  ['berth.order', (value) => ({ order: isOrder(value) ? value : bad('order', value, 'spread or serial') })],
  ['berth.gateway', parseGateway],
  ['berth.reserve', parseReserve],
  [
    'berth.exclusive',
    (value) => ({
      exclusive: value === 'true' || (value !== 'false' && bad('exclusive', value, 'true or false')),
    }),
  ],
  ['berth.cooldown', parseCooldown],
  [
    'berth.name',
    (value) => ({
      name: /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(value) ? value : bad('name', value, 'a name such as ci-shared'),
    }),
  ],
]);

function bad(key: string, value: string, wanted: string): never {
  throw new Refusal('invalid-request', `bad value ${quote(value)} for berth.${key}: give ${wanted}`);
}

const isOrder = (value: string): value is PoolOptions['order'] => value === 'spread' || value === 'serial';

/** A length up to 32 is meant for IPv4, a longer one for IPv6; `26,80` gives both. */
function parseSize(value: string, family: Family): Partial<PoolOptions> {
  const lengths = value.split(',').map((part) => {
    if (!/^\/?\d{1,3}$/.test(part)) bad('size', value, 'a prefix length such as 26 (or 26,80 for IPv4 and IPv6)');
    return Number(part.replace('/', ''));
  });
  if (lengths.some((length) => length < 1 || length > 128)) {
    bad('size', value, 'a prefix length from 1 to 32, or to 128 for IPv6');
  }
  const size = lengths.find((length) => (family === 4 ? length <= 32 : length > 32));
  return size === undefined ? {} : { size };
}

function parseGateway(value: string, family: Family): Partial<PoolOptions> {
  if (value === 'first' || value === 'last' || value === 'none') return { gateway: value };
  const gateway = value
    .split(',')
    .map((part) => parseAddress(part) ?? bad('gateway', value, 'first, last, none or an address'))
    .find((address) => address.family === family);
  return gateway === undefined ? {} : { gateway };
}

function parseReserve(value: string, family: Family): Partial<PoolOptions> {
  const wanted = 'addresses and ranges such as 10.0.0.5,10.0.0.16-10.0.0.31';
  const ranges = value.split(',').map((part): Range => {
    return parseRange(part) ?? bad('reserve', value, wanted);
  });
  const reserve = ranges.filter((range) => range.family === family);
  const count = reserve.reduce((sum, range) => sum + range.last - range.first + 1n, 0n);
  if (count > MAX_RESERVED_ADDRESSES)
    bad('reserve', value, `at most ${MAX_RESERVED_ADDRESSES} addresses; this is ${count}`);
  return { reserve };
}

function parseCooldown(value: string): Partial<PoolOptions> {
  const cooldown = parseDuration(value);
  if (cooldown === undefined || cooldown < MIN_COOLDOWN_MS || cooldown > MAX_COOLDOWN_MS) {
    bad('cooldown', value, `a time from ${MIN_COOLDOWN_MS / 1_000}s to 24h, such as 30s`);
  }
  return { cooldown };
}

/**
 * The address that a pool keeps for its gateway: the first usable one unless the user chooses another. Pools of fewer than
 * four addresses keep none by default, since it would take most of their addresses.
 *
 * @throws Refusal `invalid-request` when the chosen address lies outside the pool.
 */
export function gatewayOf(cidr: Cidr, choice: PoolOptions['gateway']): Address | undefined {
  const usable = usableRange(cidr);
  if (typeof choice === 'object') {
    if (usable === undefined || !rangeContains(usable, choice)) {
      throw new Refusal('invalid-request', `berth.gateway lies outside the usable addresses of ${formatCidr(cidr)}`);
    }
    return choice;
  }
  const range = cidrRange(cidr);
  if (choice === 'none' || usable === undefined || range.last - range.first < 3n) return undefined;
  return { family: cidr.family, value: choice === 'last' ? usable.last : usable.first };
}
