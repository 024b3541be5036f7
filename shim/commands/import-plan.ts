/** What an import would change in a space. A plan of what is there already is empty: an import can be repeated. */
import {
  type Cidr,
  type Range,
  cidrRange,
  contains,
  formatCidr,
  parseAddress,
  parseCidr,
  rangeContains,
  rangesOverlap,
} from '../../protocol/address.ts';
import type { SpaceAnswer } from '../../protocol/operator-messages.ts';
import { UserError } from '../user-error.ts';
import { prefixesOf, without } from './ranges.ts';

/** What a row of a file asks for. */
export interface Wish {
  /** `address`: somebody has it. `past`: what the file calls deprecated. */
  readonly kind: 'range' | 'exclusion' | 'address' | 'past';
  /** As the file says it. */
  readonly what: string;
  readonly range: Range;
  /** File and line, or file and network. */
  readonly from: string;
  readonly note: string;
}

/** What becomes of a wish. */
export interface Step {
  readonly what: string;
  readonly from: string;
  readonly note: string;
  readonly then: string;
  /** Berth cannot do it: the operator has to. */
  readonly isLeft: boolean;
}

export interface Plan {
  readonly space: string;
  /** Of the settings that the plan was made from. */
  readonly rev: string;
  /** Settings to change, by the functions' names. */
  readonly set: Readonly<Record<string, unknown>>;
  readonly steps: readonly Step[];
}

/** What the fleet has. */
export interface Present {
  readonly space: SpaceAnswer;
  readonly pools: readonly Cidr[];
  /** The addresses that somebody has in the pools that the file has addresses of. */
  readonly held: ReadonlySet<string>;
}

export function planOf(wishes: readonly Wish[], present: Present): Plan {
  const { Space, Rev, Settings } = present.space;
  const ranges = rangesAfter(wishes, present.space);
  const excluded = excludedAfter(wishes, ranges, present);
  const set = {
    ...(isSame(ranges, Settings.Ranges) ? {} : { Ranges: ranges.map(formatCidr) }),
    ...(isSame(excluded, Settings.Excluded) ? {} : { Excluded: excluded.map(formatCidr) }),
  };
  return { space: Space, rev: Rev, set, steps: wishes.map((wish) => stepOf(wish, ranges, present)) };
}

const isSame = (cidrs: readonly Cidr[], texts: readonly string[]): boolean =>
  cidrs.length === texts.length && cidrs.every((cidr) => texts.includes(formatCidr(cidr)));

/** The outermost containers. The operator's own ranges stay; Berth's defaults go where a container of their family comes. */
function rangesAfter(wishes: readonly Wish[], { Settings, Set: set }: SpaceAnswer): Cidr[] {
  const asked = prefixesOfEach(wishes.filter(({ kind }) => kind === 'range'));
  const isOwn = set.includes('Ranges');
  const kept = parsed(Settings.Ranges).filter((range) => isOwn || !asked.some(({ family }) => family === range.family));
  const all = [...kept, ...asked.filter((one) => !kept.some((range) => contains(range, one)))];
  return all.filter((one) => !all.some((other) => other !== one && contains(other, one)));
}

/** Once each. */
function prefixesOfEach(wishes: readonly Wish[]): Cidr[] {
  const unique = new Map(wishes.flatMap(({ range }) => prefixesOf([range])).map((cidr) => [formatCidr(cidr), cidr]));
  return [...unique.values()];
}

/** Of what is wanted, what automatic pools could come to lie in, and do not yet avoid. */
function excludedAfter(wishes: readonly Wish[], ranges: readonly Cidr[], { space, pools }: Present): Cidr[] {
  const before = parsed(space.Settings.Excluded);
  const holes = [...before, ...pools].map(cidrRange);
  const fresh = wishes
    .filter((wish) => isAvoided(wish) && meets(wish.range, ranges))
    .flatMap(({ range }) => without(range, holes));
  return [...before, ...prefixesOf(fresh)];
}

const isAvoided = ({ kind }: Wish): boolean => kind === 'exclusion' || kind === 'address';

const meets = (range: Range, cidrs: readonly Cidr[]): boolean =>
  cidrs.some((cidr) => rangesOverlap(cidrRange(cidr), range));

function stepOf(wish: Wish, ranges: readonly Cidr[], present: Present): Step {
  const { what, from, note } = wish;
  const [then, isLeft] = fateOf(wish, ranges, present);
  return { what, from, note, then, isLeft };
}

const NOTHING = 'nothing to do';

/** What is done, and whether something is left to the operator. */
function fateOf(wish: Wish, ranges: readonly Cidr[], present: Present): [string, boolean] {
  const { kind, range } = wish;
  const { Settings } = present.space;
  if (kind === 'past') return [`${NOTHING}: deprecated`, false];
  if (kind === 'range') return rangeFate(range, ranges, Settings.Ranges);
  if (kind === 'address') {
    const pool = present.pools.find((each) => rangeContains(cidrRange(each), { ...range, value: range.first }));
    if (pool !== undefined) return addressFate(range, pool, present.held);
  }
  if (!meets(range, ranges)) return [`${NOTHING}: outside of the ranges`, false];
  if (without(range, parsed(Settings.Excluded).map(cidrRange)).length === 0)
    return [`${NOTHING}: excluded already`, false];
  const left = without(range, [...parsed(Settings.Excluded), ...present.pools].map(cidrRange));
  if (left.length === 0) return pooledFate(range, present.pools);
  return meets(range, present.pools) ? ['exclude what no pool of Berth has', false] : ['exclude', false];
}

/** Of what lies in pools: a pool is its own, but a part of one may be somebody else's. */
function pooledFate(range: Range, pools: readonly Cidr[]): [string, boolean] {
  const outer = pools.find((pool) => {
    const { first, last, family } = cidrRange(pool);
    const isWithin = family === range.family && first <= range.first && range.last <= last;
    return isWithin && !(first === range.first && last === range.last);
  });
  if (outer === undefined) return [`${NOTHING}: in a pool of Berth`, false];
  return [`left to you: pool ${formatCidr(outer)} may give it out (berth.reserve keeps it)`, true];
}

function rangeFate(range: Range, ranges: readonly Cidr[], before: readonly string[]): [string, boolean] {
  if (without(range, parsed(before).map(cidrRange)).length > 0) return ['range', false];
  const [own = ''] = prefixesOf([range]).map(formatCidr);
  const isChosen = ranges.some((cidr) => formatCidr(cidr) === own) && !before.includes(own);
  return isChosen ? ['range', false] : [`${NOTHING}: in a range`, false];
}

function addressFate(range: Range, pool: Cidr, held: ReadonlySet<string>): [string, boolean] {
  if (held.has(addressKey(range))) return [`${NOTHING}: Berth knows that it is held`, false];
  return [`left to you: pool ${formatCidr(pool)} may give it out (--aux-address keeps it)`, true];
}

/** Of an address, to look it up. */
export const addressKey = ({ family, first }: Range): string => `${family}:${first}`;

export function addressKeyOf(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? '' : addressKey({ family: address.family, first: address.value, last: address.value });
}

/** @throws UserError for settings that only another version writes. */
const parsed = (texts: readonly string[]): Cidr[] =>
  texts.map((text) => {
    const cidr = parseCidr(text);
    if (cidr === undefined)
      throw new UserError(`the fleet answers with the prefix ${text}, which this version cannot read`);
    return cidr;
  });
