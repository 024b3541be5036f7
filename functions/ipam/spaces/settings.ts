/** Which settings a space may have. Pure: it does not look at what is held. */
import { type Cidr, type Family, cidrRange, formatCidr, overlap, parseCidr } from '../../../protocol/address.ts';
import { durationText } from '../../../protocol/duration.ts';
import { isHostId } from '../../../protocol/ids.ts';
import { firstClear, ringOf } from '../pools/candidates.ts';
import { quote } from '../quote.ts';
import { RangeSet } from '../range-set.ts';
import { Refusal } from '../refusal.ts';
import {
  type KindOf,
  SETTINGS,
  type Setting,
  type SettingName,
  type SettingValues,
  type SpaceConfig,
  type SpaceSettings,
} from '../space.ts';

/** Values as an operator gives them. */
interface GivenValues extends Omit<SettingValues, 'prefixes'> {
  readonly prefixes: readonly string[];
}

/** What an operator asks to change: a value, or `null` for the default. What is left out stays as it is. */
export type SpacePatch = { readonly [Name in SettingName]?: GivenValues[KindOf<Name>] | null | undefined };

const FAMILIES = [4, 6] as const;

/** @throws Refusal `invalid-request` for a value that no space may have. */
export function applyPatch(settings: SpaceSettings, patch: SpacePatch): SpaceSettings {
  if (Object.values(patch).every((value) => value === undefined)) {
    throw new Refusal('invalid-request', 'there is nothing to change; name a setting');
  }
  const changed = (name: SettingName): SpaceSettings[SettingName] => {
    const given = patch[name];
    if (given === undefined) return settings[name];
    return given === null ? undefined : parseSetting(given, SETTINGS[name]);
  };
  const names = Object.keys(SETTINGS).filter((name) => isSetting(name));
  return Object.fromEntries(names.map((name) => [name, changed(name)]));
}

const isSetting = (name: string): name is SettingName => Object.hasOwn(SETTINGS, name);

function parseSetting(given: NonNullable<SpacePatch[SettingName]>, setting: Setting): SpaceSettings[SettingName] {
  const { kind, option, least = 0, most = Infinity } = setting;
  if (typeof given === 'boolean') return given;
  if (typeof given === 'number') {
    if (Number.isInteger(given) && given >= least && given <= most) return given;
    if (kind !== 'time') bad(option, String(given), `a whole number from ${least} to ${most}`);
    bad(option, durationText(given), `a time from ${durationText(least)} to ${durationText(most)}`);
  }
  if (given.length > most) bad(option, `${given.length} ${kind}`, `at most ${most}`);
  return kind === 'prefixes' ? parsePrefixes(option, given) : parseHosts(option, given);
}

const parsePrefixes = (option: string, texts: readonly string[]): Cidr[] =>
  texts.map((text) => parseCidr(text) ?? bad(option, quote(text), 'prefixes such as 10.64.0.0/16'));

function parseHosts(option: string, ids: readonly string[]): readonly string[] {
  const wrong = ids.find((id) => !isHostId(id));
  return wrong === undefined ? ids : bad(option, quote(wrong), 'the ids of hosts, as berth shim prints them');
}

function bad(option: string, value: string, wanted: string): never {
  throw new Refusal('invalid-request', `bad value ${value} for ${option}: give ${wanted}`);
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
