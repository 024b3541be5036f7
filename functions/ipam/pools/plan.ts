/** What a valid request for a pool asks for: how its pool and its reference would look. */
import {
  type Address,
  type Cidr,
  type Range,
  cidrRange,
  formatAddress,
  formatCidr,
  rangeContains,
  usableRange,
} from '../../../protocol/address.ts';
import { keeps } from '../addresses/reservation.ts';
import type { Call } from '../call.ts';
import type { Pool, PoolDraft } from '../pool.ts';
import { type Ref, refNameOf } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import type { SpaceConfig } from '../space.ts';
import { type Room, whyUnwanted } from './limits.ts';
import type { PoolDeps } from './memory.ts';
import { type PoolOptions, gatewayOf } from './options.ts';

/** A pool, and the reference of the network that it was granted to. */
export interface Grant {
  readonly pool: Pool;
  readonly ref: Ref;
}

export interface PoolPlan extends Room {
  readonly space: string;
  /** Prefix length of an automatic pool, if the user chose one. */
  readonly size: number | undefined;
  /** Why the space does not allow such a pool. `undefined`: it does. */
  readonly whyUnwanted: (cidr: Cidr) => Refusal | undefined;
  /** @throws Refusal when an existing pool contradicts what is asked for. */
  readonly refuseContradiction: (pool: Pool) => void;
  /** @throws Refusal when the pool does not hold what the options name. */
  readonly draft: (cidr: Cidr) => PoolDraft;
  /** A new reference to a pool. */
  readonly refOf: (pool: Pool) => Ref;
}

export function planPool(
  { world, memory }: Pick<PoolDeps, 'world' | 'memory'>,
  call: Call,
  request: {
    readonly space: string;
    readonly size: number | undefined;
    readonly subPool: Cidr | undefined;
    /** The own addresses of the host that asks. */
    readonly hostAddresses: readonly Address[];
    /** The term of the leader that asks, in a space of managers. */
    readonly term: number | undefined;
    readonly options: PoolOptions;
    readonly config: SpaceConfig;
  },
): PoolPlan {
  const { options, config } = request;
  let made = 0;
  return {
    space: request.space,
    size: request.size,
    maxPools: config.maxPools,
    counts: memory.counts,
    whyUnwanted: (cidr) => whyUnwanted(request.space, config, cidr),
    refuseContradiction: (pool) => {
      refuseContradiction(pool, options);
    },
    draft: (cidr) => {
      refuseOutside(cidr, options.reserve);
      return {
        space: request.space,
        cidr,
        announcedAt: world.now(),
        createdBy: call.hostId,
        gateway: gatewayOf(cidr, options.gateway),
        cooldown: options.cooldown ?? config.cooldown,
        exclusive: options.exclusive,
      };
    },
    refOf: (pool) => ({
      name: refNameOf(world, call, made++),
      generation: pool.generation,
      space: pool.space,
      cidr: pool.cidr,
      subPool: request.subPool,
      hostId: call.hostId,
      epoch: call.epoch,
      requestKey: call.requestKey,
      gateway: pool.gateway,
      reserved: [...options.reserve, ...ownIn(pool, options.reserve, request.hostAddresses)],
      asked: [],
      state: 'live',
      fencedAt: undefined,
      endedAt: undefined,
      ...(request.term !== undefined && { term: request.term }),
    }),
  };
}

/** The most addresses of its host that a network keeps, so that a host cannot block a pool by the addresses it reports. */
const MAX_HOST_ADDRESSES = 16;

/** The addresses of a host that a network on a pool keeps from endpoints, in addition to what it keeps anyway. */
function ownIn(pool: Pool, reserve: readonly Range[], hostAddresses: readonly Address[]): Range[] {
  const usable = usableRange(pool.cidr);
  return hostAddresses
    .filter((address) => usable !== undefined && rangeContains(usable, address))
    .filter((address) => !keeps({ gateway: pool.gateway, reserved: reserve }, address))
    .slice(0, MAX_HOST_ADDRESSES)
    .map(({ family, value }) => ({ family, first: value, last: value }));
}

function refuseOutside(cidr: Cidr, reserve: readonly Range[]): void {
  const pool = cidrRange(cidr);
  const outside = reserve.find(
    ({ family, first, last }) =>
      !rangeContains(pool, { family, value: first }) || !rangeContains(pool, { family, value: last }),
  );
  if (outside !== undefined) {
    const first = formatAddress({ family: outside.family, value: outside.first });
    throw new Refusal('invalid-request', `berth.reserve: ${first} lies outside the pool ${formatCidr(cidr)}`);
  }
}

/** @throws Refusal when a second network asks for a pool with other settings than the first; it says what differs. */
function refuseContradiction(pool: Pool, options: PoolOptions): void {
  refuseOutside(pool.cidr, options.reserve);
  const where = `${formatCidr(pool.cidr)} (created by host ${pool.createdBy})`;
  if (pool.exclusive || options.exclusive) {
    const whose = pool.exclusive ? 'was created with berth.exclusive=true' : 'exists already';
    throw new Refusal('pool-overlap', `Pool overlaps with other one on this address space: ${where} ${whose}`);
  }
  if (options.cooldown !== undefined && options.cooldown !== pool.cooldown) {
    contradict(where, 'berth.cooldown', `${pool.cooldown}ms`, `${options.cooldown}ms`);
  }
  const asked = options.gateway === undefined ? pool.gateway : gatewayOf(pool.cidr, options.gateway);
  if (asked?.value !== pool.gateway?.value) {
    const text = (address: typeof asked): string => (address === undefined ? 'none' : formatAddress(address));
    contradict(where, 'berth.gateway', text(pool.gateway), text(asked));
  }
}

function contradict(where: string, option: string, stands: string, asked: string): never {
  throw new Refusal(
    'pool-overlap',
    `${option} contradicts the shared pool: ${where} has ${stands}, this network asks for ${asked}; leave the option out to join`,
  );
}
