/** An address space (a VRF): pools in it never overlap. */
import { type Cidr, type Family, parseCidr } from './address.ts';

export interface SpaceConfig {
  /** Where automatic pools are cut from. */
  readonly ranges: readonly Cidr[];
  /** Prefix length of an automatic pool. */
  readonly size: Readonly<Record<Family, number>>;
  /** Never given to an automatic pool: the VPC, its peers, the office. */
  readonly excluded: readonly Cidr[];
  /** ms that a freed address rests. */
  readonly cooldown: number;
  /** ms of silence after which a host's networks end. */
  readonly forgetAfter: number;
}

/** Absorbs the difference between the clocks of two functions; no pool may rest its addresses for less. */
export const MIN_COOLDOWN = 2_000;
export const MAX_COOLDOWN = 86_400_000;

export const MIN_FORGET_AFTER = 60_000;
export const MAX_FORGET_AFTER = 365 * 86_400_000;

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(`not a CIDR: ${text}`);
  return parsed;
};

/**
 * A space that nobody configured. The range lies clear of AWS's default VPC (172.31.0.0/16), of Docker's own pools
 * (172.17.0.0/12, 192.168.0.0/16) and of the low end of 10/8, where VPCs are usually cut.
 */
export const DEFAULT_SPACE: SpaceConfig = {
  ranges: [cidr('10.192.0.0/10'), cidr('fdbe:5274:6800::/48')],
  size: { 4: 24, 6: 64 },
  excluded: [],
  cooldown: 30_000,
  forgetAfter: 7 * 86_400_000,
};

/** A node has its own space's networks beside those of the managers' space: an automatic subnet must not be in both. */
const DEFAULT_GLOBAL_SPACE: SpaceConfig = {
  ...DEFAULT_SPACE,
  ranges: [cidr('10.128.0.0/10'), cidr('fdbe:5274:6801::/48')],
};

/** What holds for a space as far as nobody has configured it. */
export const defaultsOf = (space: string): SpaceConfig => (isGlobalSpace(space) ? DEFAULT_GLOBAL_SPACE : DEFAULT_SPACE);

/** The space of hosts that were told none. */
export const DEFAULT_SPACE_NAME = 'default';

/** Space names become parts of keys and of PoolIDs. */
export const isSpaceName = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text);

const GLOBAL = '.global';

/**
 * The space beside another in which Swarm's managers plan. Managers ask in the global space and nodes, for the same
 * subnets and addresses, in the local one: two names keep them apart.
 */
export const globalSpaceOf = (space: string): string => space + GLOBAL;

export const isGlobalSpace = (space: string): boolean => space.endsWith(GLOBAL);

/** The name of a space that users may choose: those of the managers come of themselves. */
export const isLocalSpaceName = (text: string): boolean => isSpaceName(text) && !isGlobalSpace(text);
