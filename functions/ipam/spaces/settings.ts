/** Which settings a space may have. Pure: it does not look at what is held. */
import { durationText } from '../../../protocol/duration.ts';
import { isHostId } from '../../../protocol/ids.ts';
import { type Cidr, type Family, addressBits, cidrRange, formatCidr, overlap, parseCidr } from '../address.ts';
import { firstClear, ringOf } from '../pools/candidates.ts';
import { quote } from '../quote.ts';
import { RangeSet } from '../range-set.ts';
import { Refusal } from '../refusal.ts';
import {
  MAX_COOLDOWN,
  MAX_EXCLUDED,
  MAX_FORGET_AFTER,
  MAX_HOSTS_CEILING,
  MAX_MANAGERS,
  MAX_NETWORKS_CEILING,
  MAX_POOLS_CEILING,
  MAX_RANGES,
  MIN_COOLDOWN,
  MIN_FORGET_AFTER,
  type SpaceConfig,
  type SpaceSettings,
} from '../space.ts';

/** What an operator asks to change: a value, or `null` for the default. What is left out stays as it is. */
export interface SpacePatch {
  readonly ranges?: readonly string[] | null | undefined;
  readonly size4?: number | null | undefined;
  readonly size6?: number | null | undefined;
  readonly excluded?: readonly string[] | null | undefined;
  /** ms */
  readonly cooldown?: number | null | undefined;
  /** ms */
  readonly forgetAfter?: number | null | undefined;
  readonly maxPools?: number | null | undefined;
  readonly maxNetworksPerHost?: number | null | undefined;
  readonly widest4?: number | null | undefined;
  readonly widest6?: number | null | undefined;
  readonly givenOutside?: boolean | null | undefined;
  readonly maxHostsPerPrincipal?: number | null | undefined;
  /** Ids of hosts. */
  readonly managers?: readonly string[] | null | undefined;
}

const FAMILIES = [4, 6] as const;

/** @throws Refusal `invalid-request` for a value that no space may have. */
export function applyPatch(settings: SpaceSettings, patch: SpacePatch): SpaceSettings {
  if (Object.values(patch).every((value) => value === undefined)) {
    throw new Refusal('invalid-request', 'there is nothing to change; name a setting');
  }
  return {
    ranges: changed(patch.ranges, settings.ranges, cidrs('range', MAX_RANGES)),
    size4: changed(patch.size4, settings.size4, whole('size4', 1, addressBits(4))),
    size6: changed(patch.size6, settings.size6, whole('size6', 1, addressBits(6))),
    excluded: changed(patch.excluded, settings.excluded, cidrs('exclude', MAX_EXCLUDED)),
    cooldown: changed(patch.cooldown, settings.cooldown, time('cooldown', MIN_COOLDOWN, MAX_COOLDOWN)),
    forgetAfter: changed(
      patch.forgetAfter,
      settings.forgetAfter,
      time('forget-after', MIN_FORGET_AFTER, MAX_FORGET_AFTER),
    ),
    maxPools: changed(patch.maxPools, settings.maxPools, whole('max-pools', 0, MAX_POOLS_CEILING)),
    maxNetworksPerHost: changed(
      patch.maxNetworksPerHost,
      settings.maxNetworksPerHost,
      whole('max-networks-per-host', 0, MAX_NETWORKS_CEILING),
    ),
    widest4: changed(patch.widest4, settings.widest4, whole('widest4', 0, addressBits(4))),
    widest6: changed(patch.widest6, settings.widest6, whole('widest6', 0, addressBits(6))),
    givenOutside: changed(patch.givenOutside, settings.givenOutside, (given) => given),
    maxHostsPerPrincipal: changed(
      patch.maxHostsPerPrincipal,
      settings.maxHostsPerPrincipal,
      whole('max-hosts-per-principal', 0, MAX_HOSTS_CEILING),
    ),
    managers: changed(patch.managers, settings.managers, hostIds),
  };
}

function changed<Given, Kept>(
  given: Given | null | undefined,
  stands: Kept | undefined,
  parse: (given: Given) => Kept,
): Kept | undefined {
  if (given === undefined) return stands;
  return given === null ? undefined : parse(given);
}

const cidrs =
  (setting: string, most: number) =>
  (texts: readonly string[]): Cidr[] => {
    if (texts.length > most) bad(setting, `${texts.length} prefixes`, `at most ${most}`);
    return texts.map((text) => parseCidr(text) ?? bad(setting, quote(text), 'prefixes such as 10.64.0.0/16'));
  };

function hostIds(ids: readonly string[]): readonly string[] {
  if (ids.length > MAX_MANAGERS) bad('managers', `${ids.length} hosts`, `at most ${MAX_MANAGERS}`);
  const wrong = ids.find((id) => !isHostId(id));
  return wrong === undefined ? ids : bad('managers', quote(wrong), 'the ids of hosts, as berth shim prints them');
}

const isWholeWithin = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

const whole =
  (setting: string, least: number, most: number) =>
  (value: number): number =>
    isWholeWithin(value, least, most) ? value : bad(setting, String(value), `a whole number from ${least} to ${most}`);

const time =
  (setting: string, least: number, most: number) =>
  (value: number): number =>
    isWholeWithin(value, least, most)
      ? value
      : bad(setting, durationText(value), `a time from ${durationText(least)} to ${durationText(most)}`);

function bad(setting: string, value: string, wanted: string): never {
  throw new Refusal('invalid-request', `bad value ${value} for ${setting}: give ${wanted}`);
}

/** @throws Refusal `invalid-request` for settings that contradict one another. */
export function refuseContradictory({ ranges, size, widest }: SpaceConfig): void {
  for (const family of FAMILIES) {
    if (size[family] >= widest[family]) continue;
    throw new Refusal(
      'invalid-request',
      `size${family} /${size[family]} is wider than widest${family} /${widest[family]}; change one of them`,
    );
  }
  for (const [index, range] of ranges.entries()) {
    const other = ranges.slice(0, index).find((before) => overlap(before, range));
    if (other !== undefined) {
      throw new Refusal(
        'invalid-request',
        `ranges ${formatCidr(other)} and ${formatCidr(range)} overlap; leave one of them out`,
      );
    }
    if (range.prefix > size[range.family]) {
      throw new Refusal(
        'invalid-request',
        `range ${formatCidr(range)} is too small for a pool of /${size[range.family]}; ` +
          `give a wider range, or a longer prefix for size${range.family}`,
      );
    }
  }
}

/** The families whose ranges have no room for a pool outside what is excluded. */
export const familiesWithoutRoom = ({ ranges, size, excluded }: SpaceConfig): Family[] =>
  FAMILIES.filter((family) => {
    const ring = ringOf(
      ranges.filter((range) => range.family === family),
      size[family],
    );
    const taken = new RangeSet(excluded.filter((cidr) => cidr.family === family).map(cidrRange));
    return ring.count > 0n && firstClear(ring, 0n, taken) === undefined;
  });
