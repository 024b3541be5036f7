/** An address space (a VRF): pools in it never overlap. */
import { type Cidr, type Family, parseCidr } from '../../protocol/address.ts';
import { isGlobalSpace } from '../../protocol/ids.ts';

/** Absorbs the difference between the clocks of two functions; no pool may have a shorter cool-down. */
export const MIN_COOLDOWN_MS = 2_000;
export const MAX_COOLDOWN_MS = 86_400_000;

/** The values that settings have, by the kind of the setting. */
export interface SettingValues {
  readonly prefixes: readonly Cidr[];
  /** Ids of hosts. */
  readonly hosts: readonly string[];
  readonly number: number;
  /** ms */
  readonly time: number;
  readonly answer: boolean;
}

export interface Setting {
  /** What messages to operators call it. */
  readonly option: string;
  readonly kind: keyof SettingValues;
  /** The least value. `undefined`: 0. */
  readonly least?: number;
  /** The greatest value, or the most entries of a list. */
  readonly most?: number;
}

/**
 * All settings, by the names under which the table stores them. The upper bounds keep a request for a pool cheap: it reads
 * all settings, every pool that a limit counts and every network of its host. Docker advises against more than seven
 * managers.
 */
export const SETTINGS = {
  ranges: { option: 'range', kind: 'prefixes', most: 32 },
  size4: { option: 'size4', kind: 'number', least: 1, most: 32 },
  size6: { option: 'size6', kind: 'number', least: 1, most: 128 },
  excluded: { option: 'exclude', kind: 'prefixes', most: 128 },
  cooldown: { option: 'cooldown', kind: 'time', least: MIN_COOLDOWN_MS, most: MAX_COOLDOWN_MS },
  forgetAfter: { option: 'forget-after', kind: 'time', least: 60_000, most: 365 * 86_400_000 },
  maxPools: { option: 'max-pools', kind: 'number', most: 10_000 },
  maxNetworksPerHost: { option: 'max-networks-per-host', kind: 'number', most: 1_000 },
  widest4: { option: 'widest4', kind: 'number', most: 32 },
  widest6: { option: 'widest6', kind: 'number', most: 128 },
  givenOutside: { option: 'given-outside', kind: 'answer' },
  maxHostsPerPrincipal: { option: 'max-hosts-per-principal', kind: 'number', most: 10_000 },
  managers: { option: 'managers', kind: 'hosts', most: 32 },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof SETTINGS;
export type KindOf<Name extends SettingName> = (typeof SETTINGS)[Name]['kind'];

/** What an operator has set; the rest has its default. */
export type SpaceSettings = { readonly [Name in SettingName]?: SettingValues[KindOf<Name>] | undefined };

/** A space as it is stored. */
export interface Space {
  readonly settings: SpaceSettings;
  /** Changes with every write. `undefined`: it was written by hand. */
  readonly rev: string | undefined;
}

/** The settings in effect. */
export interface SpaceConfig {
  /** The ranges that automatic pools are cut from. */
  readonly ranges: readonly Cidr[];
  /** Prefix length of an automatic pool. */
  readonly size: Readonly<Record<Family, number>>;
  /** Never given to an automatic pool: the VPC, its peers, the office. */
  readonly excluded: readonly Cidr[];
  /** ms that a freed address rests. */
  readonly cooldown: number;
  /** ms of silence after which a host's networks end. */
  readonly forgetAfter: number;
  /** Pools of each family that the space may hold. `undefined`: any number. */
  readonly maxPools: number | undefined;
  /** Networks of each family that a host may have in the space. `undefined`: any number. */
  readonly maxNetworksPerHost: number | undefined;
  /** The shortest prefix length that a network may ask for. */
  readonly widest: Readonly<Record<Family, number>>;
  /** Whether a network may ask for a subnet outside the ranges. */
  readonly givenOutside: boolean;
  /** Hosts of one principal that may have networks in the space: the oldest ones. `undefined`: any number. */
  readonly maxHostsPerPrincipal: number | undefined;
  /** In a global space, the hosts that may allocate there. `undefined`: no operator has named any. */
  readonly managers: readonly string[] | undefined;
}

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(`not a CIDR: ${text}`);
  return parsed;
};

/**
 * A space that no operator has configured. The range does not overlap AWS's default VPC (172.31.0.0/16), Docker's own
 * pools (172.17.0.0/12, 192.168.0.0/16) or the low end of 10/8, where most VPCs are.
 */
export const DEFAULT_SPACE: SpaceConfig = {
  ranges: [cidr('10.192.0.0/10'), cidr('fdbe:5274:6800::/48')],
  size: { 4: 24, 6: 64 },
  excluded: [],
  cooldown: 30_000,
  forgetAfter: 7 * 86_400_000,
  maxPools: undefined,
  maxNetworksPerHost: undefined,
  widest: { 4: 8, 6: 32 },
  givenOutside: true,
  maxHostsPerPrincipal: undefined,
  managers: undefined,
};

/** A node has networks of its own space and of the managers' space: an automatic subnet must not be in both. */
const DEFAULT_GLOBAL_SPACE: SpaceConfig = {
  ...DEFAULT_SPACE,
  ranges: [cidr('10.128.0.0/10'), cidr('fdbe:5274:6801::/48')],
};

/** The defaults of a space. */
export const defaultsOf = (space: string): SpaceConfig => (isGlobalSpace(space) ? DEFAULT_GLOBAL_SPACE : DEFAULT_SPACE);

/** The settings in effect in a space. @param space `undefined`: no operator has configured it. */
export function configOf(name: string, space: Space | undefined): SpaceConfig {
  const { size, widest, ...defaults } = defaultsOf(name);
  const { size4, size6, widest4, widest6, ...settings } = space?.settings ?? {};
  const set = Object.entries(settings).filter(([, value]) => value !== undefined);
  return {
    ...defaults,
    ...Object.fromEntries(set),
    size: { 4: size4 ?? size[4], 6: size6 ?? size[6] },
    widest: { 4: widest4 ?? widest[4], 6: widest6 ?? widest[6] },
  };
}

/** The space of hosts for which none is configured. */
export const DEFAULT_SPACE_NAME = 'default';
