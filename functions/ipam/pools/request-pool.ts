/** RequestPool: a subnet for a network, either a given one, exclusive or shared with others, or an automatic one. */
import {
  type Address,
  type Cidr,
  type Family,
  type Range,
  cidrRange,
  formatCidr,
  parseAddress,
  parseCidr,
  rangeContains,
} from '../../../protocol/address.ts';
import { globalSpaceOf, isGlobalSpace, isSpaceName } from '../../../protocol/ids.ts';
import { orderIn } from '../addresses/region.ts';
import { freeUnkept, keptBy, reserveListed, reserveWhereFree } from '../addresses/reservation.ts';
import { termOf } from '../addresses/swarm.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { quote } from '../quote.ts';
import type { Ref } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import { type SpaceConfig, configOf } from '../space.ts';
import { issuePoolId } from '../trusted-pool-id.ts';
import { type AutomaticWish, createAutomaticPool } from './automatic-pool.ts';
import { createExplicitPool } from './explicit-pool.ts';
import { refuseCrowdedHost, refuseManyHosts, tooWide } from './limits.ts';
import { leaveOnFailure } from './membership.ts';
import type { PoolDeps } from './memory.ts';
import { joinNamedPool } from './named-pool.ts';
import { type PoolOptions, parseOptions } from './options.ts';
import { type Grant, type PoolPlan, planPool } from './plan.ts';

export interface PoolRequest {
  readonly addressSpace: string;
  /** A CIDR; '' for an automatic pool; an unspecified address (`0.0.0.0/26`) for an automatic pool of that size. */
  readonly pool: string;
  /** The range for automatic addresses; '' for the whole pool. */
  readonly subPool: string;
  readonly v6: boolean;
  readonly options: Readonly<Record<string, string>>;
  /** What the host already reaches, as its shim reports: an automatic pool does not overlap it. */
  readonly avoid: readonly Range[];
  /** The host's own addresses: the pool keeps them from endpoints. An older shim sends none. */
  readonly hostAddresses?: readonly Address[];
}

export interface GrantedPool {
  readonly poolId: string;
  /** The whole pool, as a CIDR. */
  readonly pool: string;
}

interface Wanted {
  readonly family: Family;
  readonly cidr: Cidr | undefined;
  readonly size: number | undefined;
  readonly subPool: Cidr | undefined;
}

/** @throws Refusal when the request is malformed, contradicts an existing pool, or finds no room. */
export async function requestPool(deps: PoolDeps, call: Call, request: PoolRequest): Promise<GrantedPool> {
  const { hostAddresses = [] } = request;
  const wanted = parseWanted(request);
  const options = parseOptions(request.options, wanted.family);
  const space = spaceOf(request, options);
  if (!isSpaceName(space)) throw new Refusal('invalid-request', `invalid address space: ${quote(space)}`);
  const config = configOf(space, await deps.store.readSpace(space));
  const size = wanted.size ?? options.size;
  refuseTooWide(space, config, wanted, size);
  const { cidr, family, subPool } = wanted;
  const term = isGlobalSpace(space) ? await termOf(deps, call, { space, managers: config.managers, cidr }) : undefined;
  const plan = planPool(deps, call, { space, size, subPool, hostAddresses, term, options, config });
  const wish = { cidr, name: options.name, family, config, avoid: request.avoid };
  const granted = await grant(deps, call, plan, wish);
  await completeGrant(deps, call, granted.ref, { config, reserve: options.reserve, hostAddresses });
  const poolId = await poolIdOf(deps, call, granted, options.order);
  return { poolId, pool: formatCidr(granted.pool.cidr) };
}

/** Checks only a requested size: an automatic pool without one has the size of the space. */
function refuseTooWide(
  space: string,
  { widest }: SpaceConfig,
  { cidr, family }: Wanted,
  size: number | undefined,
): void {
  if (cidr !== undefined || size === undefined || size >= widest[family]) return;
  throw tooWide(space, widest[family], `an automatic pool of /${size}`, { family, prefix: size });
}

/** Swarm passes a network's options to its managers and to its nodes, and each asks in its own space. */
function spaceOf({ addressSpace }: PoolRequest, { space }: PoolOptions): string {
  if (space === undefined) return addressSpace;
  return isGlobalSpace(addressSpace) ? globalSpaceOf(space) : space;
}

function grant(
  deps: PoolDeps,
  call: Call,
  plan: PoolPlan,
  { cidr, name, ...wish }: AutomaticWish & Pick<Wanted, 'cidr'> & Pick<PoolOptions, 'name'>,
): Promise<Grant> {
  if (cidr !== undefined) {
    if (name !== undefined) {
      throw new Refusal('invalid-request', 'berth.name is for automatic pools; leave out --subnet or berth.name');
    }
    return createExplicitPool(deps, call, plan, cidr);
  }
  const automatic = () => createAutomaticPool(deps, call, plan, wish);
  if (name === undefined) return automatic();
  const { family, avoid } = wish;
  return joinNamedPool(deps, call, plan, { name, family, size: plan.size, avoid }, automatic);
}

/** What remains to be checked and reserved for a network that has its pool. */
interface Completion extends Pick<PoolOptions, 'reserve'> {
  readonly config: SpaceConfig;
  readonly hostAddresses: readonly Address[];
}

/** A refusal here refuses the whole network: nothing of it stays. */
async function completeGrant(
  deps: Deps,
  call: Call,
  ref: Ref,
  { config, reserve, hostAddresses }: Completion,
): Promise<void> {
  try {
    await leaveOnFailure(deps, ref, undefined, async () => {
      await refuseManyHosts(deps, call, ref, config.maxHostsPerPrincipal);
      await refuseCrowdedHost(deps, ref, config.maxNetworksPerHost);
      await reserveListed(deps, call, ref, reserve);
      await reserveWhereFree(deps, call, ref, hostAddresses);
    });
  } catch (error) {
    await freeUnkept(deps, call, ref, keptBy(ref));
    throw error;
  }
}

const poolIdOf = (deps: Deps, call: Call, { pool, ref }: Grant, order: PoolOptions['order']): Promise<string> =>
  issuePoolId(deps, call, {
    space: pool.space,
    cidr: pool.cidr,
    subPool: ref.subPool,
    generation: pool.generation,
    ref: ref.name,
    order: orderIn(pool, order),
    cooldown: pool.cooldown,
    driver: call.driver,
  });

function parseWanted(request: PoolRequest): Wanted {
  const asked = request.pool === '' ? undefined : parsePool(request.pool);
  // Unlike `f656::/0`, which Docker treats as the whole address space.
  const isSize = asked?.first === 0n && parseAddress(request.pool.split('/')[0] ?? '')?.value === 0n;
  if (asked?.first === 0n && !isSize) {
    throw new Refusal(
      'invalid-request',
      `invalid address pool: ${quote(request.pool)} is ${formatCidr(asked)}, which no network can have`,
    );
  }
  if (asked === undefined || isSize) {
    if (request.subPool !== '') {
      throw new Refusal('invalid-request', 'invalid address subpool: an --ip-range needs a --subnet');
    }
    const family = asked?.family ?? (request.v6 ? 6 : 4);
    return { family, cidr: undefined, size: asked?.prefix === 0 ? undefined : asked?.prefix, subPool: undefined };
  }
  return { family: asked.family, cidr: asked, size: undefined, subPool: parseSubPool(asked, request.subPool) };
}

function parsePool(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) {
    throw new Refusal('invalid-request', `invalid address pool: ${quote(text)} is not a CIDR such as 10.1.0.0/24`);
  }
  return cidr;
}

/** A range as wide as the pool, or wider, does not restrict anything. */
function parseSubPool(pool: Cidr, text: string): Cidr | undefined {
  if (text === '') return undefined;
  const subPool = parseCidr(text);
  if (subPool === undefined) throw new Refusal('invalid-request', `invalid address subpool: ${quote(text)}`);
  if (subPool.family !== pool.family) {
    throw new Refusal('invalid-request', 'pool and subpool are of incompatible address families');
  }
  if (!rangeContains(cidrRange(pool), { family: subPool.family, value: subPool.first })) {
    throw new Refusal('invalid-request', `invalid address subpool: ${text} is not within ${formatCidr(pool)}`);
  }
  return subPool.prefix <= pool.prefix ? undefined : subPool;
}
