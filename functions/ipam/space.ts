/** An address space (a VRF): pools in it never overlap. */
import { isGlobalSpace } from '../../protocol/ids.ts';
import { type Cidr, type Family, parseCidr } from './address.ts';

/** What an operator has set; the rest has its default. */
export interface SpaceSettings {
  readonly ranges?: readonly Cidr[] | undefined;
  readonly size4?: number | undefined;
  readonly size6?: number | undefined;
  readonly excluded?: readonly Cidr[] | undefined;
  readonly cooldown?: number | undefined;
  readonly forgetAfter?: number | undefined;
  readonly maxPools?: number | undefined;
  readonly maxNetworksPerHost?: number | undefined;
  readonly widest4?: number | undefined;
  readonly widest6?: number | undefined;
  readonly givenOutside?: boolean | undefined;
  readonly maxHostsPerPrincipal?: number | undefined;
  readonly managers?: readonly string[] | undefined;
}

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

/** Absorbs the difference between the clocks of two functions; no pool may have a shorter cool-down. */
export const MIN_COOLDOWN = 2_000;
export const MAX_COOLDOWN = 86_400_000;

export const MIN_FORGET_AFTER = 60_000;
export const MAX_FORGET_AFTER = 365 * 86_400_000;

/** A request reads every pool that a limit counts, and every network of its host. */
export const MAX_POOLS_CEILING = 10_000;
export const MAX_NETWORKS_CEILING = 1_000;
export const MAX_HOSTS_CEILING = 10_000;

/** Every request for a pool reads the settings, which must stay within a few KB. */
export const MAX_RANGES = 32;
export const MAX_EXCLUDED = 128;
/** Docker advises against more than seven. */
export const MAX_MANAGERS = 32;

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
  const defaults = defaultsOf(name);
  const { widest4, widest6, givenOutside, maxHostsPerPrincipal } = space?.settings ?? {};
  const { ranges, size4, size6, excluded, cooldown, forgetAfter, maxPools, maxNetworksPerHost, managers } =
    space?.settings ?? {};
  return {
    ranges: ranges ?? defaults.ranges,
    size: { 4: size4 ?? defaults.size[4], 6: size6 ?? defaults.size[6] },
    excluded: excluded ?? defaults.excluded,
    cooldown: cooldown ?? defaults.cooldown,
    forgetAfter: forgetAfter ?? defaults.forgetAfter,
    maxPools: maxPools ?? defaults.maxPools,
    maxNetworksPerHost: maxNetworksPerHost ?? defaults.maxNetworksPerHost,
    widest: { 4: widest4 ?? defaults.widest[4], 6: widest6 ?? defaults.widest[6] },
    givenOutside: givenOutside ?? defaults.givenOutside,
    maxHostsPerPrincipal: maxHostsPerPrincipal ?? defaults.maxHostsPerPrincipal,
    managers,
  };
}

/** The space of hosts for which none is configured. */
export const DEFAULT_SPACE_NAME = 'default';
