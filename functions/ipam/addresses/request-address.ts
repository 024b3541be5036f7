/** RequestAddress: an address for an endpoint, or one to reserve, such as the gateway. */
import {
  type Address,
  type Cidr,
  cidrRange,
  formatAddress,
  formatCidr,
  parseAddress,
  rangeContains,
  usableRange,
} from '../../../protocol/address.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import type { PoolId } from '../pool-id.ts';
import { quote } from '../quote.ts';
import { refuseUnusable, whyUnusable } from '../ref-check.ts';
import { Refusal } from '../refusal.ts';
import { demandPoolId } from '../trusted-pool-id.ts';
import { type Claimed, claimAny } from './claim-any.ts';
import { claimExact } from './claim-exact.ts';
import { type Endpoint, parseEndpoint } from './endpoint.ts';
import { freeExactly, keeps, reserveAddress } from './reservation.ts';
import { isByManager, takeOverFromFormerLeaders } from './swarm.ts';

export interface AddressRequest {
  readonly poolId: string;
  /** '' for any. */
  readonly address: string;
  readonly options: Readonly<Record<string, string>>;
}

/** @returns the address with the prefix length of its pool: Docker accepts no other form. */
export async function requestAddress(deps: Deps, call: Call, request: AddressRequest): Promise<string> {
  const id = await demandPoolId(deps, request.poolId, call);
  const address = await dispatch(deps, call, id, parseWish(id, request));
  return `${formatAddress(address)}/${id.cidr.prefix}`;
}

export interface AddressWish {
  /** `undefined`: any. */
  readonly wanted: Address | undefined;
  /** `undefined`: it is for the gateway. */
  readonly endpoint: Endpoint | undefined;
  /** A manager of a swarm asks, which sends nothing about the endpoint. */
  readonly byManager: boolean;
}

/** @throws Refusal when the request is invalid, whatever the table holds. */
export function parseWish(id: PoolId, { address, options }: Omit<AddressRequest, 'poolId'>): AddressWish {
  const wanted = address === '' ? undefined : parseWanted(id, address);
  const isGateway = options['RequestAddressType'] === 'com.docker.network.gateway';
  return { wanted, endpoint: isGateway ? undefined : parseEndpoint(options), byManager: isByManager(id, options) };
}

async function dispatch(deps: Deps, call: Call, id: PoolId, wish: AddressWish): Promise<Address> {
  const { wanted, endpoint, byManager } = wish;
  if (endpoint === undefined) {
    const gateway = await requestGateway(deps, call, id, wanted);
    if (byManager) await takeOverFromFormerLeaders(deps, call, id);
    return gateway;
  }
  if (wanted === undefined) return lease(deps, call, id, claimAny(deps, call, id, endpoint));
  if (!byManager && (await isReservation(deps, id, wanted, endpoint))) {
    await reserveAddress(deps, call, id, { address: wanted, isGateway: false });
    return wanted;
  }
  return lease(deps, call, id, claimExact(deps, call, id, { address: wanted, endpoint }));
}

/** @throws Refusal when the text is not an address that the pool could give out. */
function parseWanted(id: PoolId, text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Refusal('invalid-request', `invalid address: ${quote(text)}`);
  if (!rangeContains(cidrRange(id.cidr), address)) {
    throw new Refusal('out-of-range', `requested address is out of range: ${text} is not in ${formatCidr(id.cidr)}`);
  }
  const usable = usableRange(id.cidr);
  if (usable === undefined || !rangeContains(usable, address)) {
    throw new Refusal(
      'address-in-use',
      `Address already in use: ${text} is the ${edgeName(id.cidr, address)} address of ${formatCidr(id.cidr)}`,
    );
  }
  return address;
}

function edgeName(cidr: Cidr, { family, value }: Address): string {
  if (family === 6) return 'subnet-router anycast';
  return value === cidr.first ? 'network' : 'broadcast';
}

/**
 * Whether a request for a given address comes from `--aux-address`, and not from a container's `--ip`. On driver `berth`
 * every endpoint has a MAC, so a request without one is not for an endpoint. On `berth-ipvlan` the two look the same on
 * engines up to 28: what `berth.reserve` lists is shared, and all else is exclusive, which is the safe choice.
 */
async function isReservation(deps: Deps, id: PoolId, wanted: Address, { mac, name }: Endpoint): Promise<boolean> {
  if (mac !== '' || name !== '') return false;
  if (id.driver === 'berth') return true;
  const ref = await deps.store.readRef(id.generation, id.ref);
  return ref !== undefined && keeps(ref, wanted);
}

async function requestGateway(deps: Deps, call: Call, id: PoolId, wanted: Address | undefined): Promise<Address> {
  const gateway = wanted ?? (await defaultGateway(deps, call, id));
  await reserveAddress(deps, call, id, { address: gateway, isGateway: true });
  return gateway;
}

/** The pool's own gateway; in a pool that keeps none (a tiny one, or by choice) the first usable address. */
async function defaultGateway(deps: Deps, call: Call, id: PoolId): Promise<Address> {
  const ref = await deps.store.readRef(id.generation, id.ref);
  refuseUnusable(ref, id, call);
  const usable = usableRange(id.cidr);
  if (ref.gateway !== undefined) return ref.gateway;
  if (usable !== undefined) return { family: usable.family, value: usable.first };
  throw new Refusal(
    'no-address-left',
    `no available addresses on this pool: ${formatCidr(id.cidr)} has none that is usable`,
  );
}

/**
 * A claim and, at the same time, a consistent read of the reference: a lease under an unusable reference is undone. If the
 * reference ends between the two, the sweep finds the lease through the tombstone.
 */
async function lease(deps: Deps, call: Call, id: PoolId, claim: Promise<Claimed>): Promise<Address> {
  const check = deps.store.readRef(id.generation, id.ref).then((ref) => whyUnusable(ref, id, call));
  const [refusal, claimed] = await Promise.allSettled([check, claim]);
  if (claimed.status === 'fulfilled' && !(refusal.status === 'fulfilled' && refusal.value === undefined)) {
    const { place, value } = claimed.value;
    await freeExactly(deps, call, id.ref, place, value);
  }
  const unusable = await check;
  if (unusable !== undefined) throw unusable;
  return (await claim).address;
}
