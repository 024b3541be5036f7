/** Hosts that call the use cases directly, over one store and one world. */
import assert from 'node:assert/strict';
import { releaseAddress } from '../../functions/ipam/addresses/release-address.ts';
import { requestAddress } from '../../functions/ipam/addresses/request-address.ts';
import type { Call } from '../../functions/ipam/call.ts';
import type { Deps } from '../../functions/ipam/deps.ts';
import { type Registered, type Registration, registerHost } from '../../functions/ipam/hosts/register.ts';
import { type PoolDeps, PoolMemory } from '../../functions/ipam/pools/memory.ts';
import { releasePool } from '../../functions/ipam/pools/release-pool.ts';
import { type GrantedPool, requestPool } from '../../functions/ipam/pools/request-pool.ts';
import { Refusal } from '../../functions/ipam/refusal.ts';
import { parseAddress } from '../../protocol/address.ts';
import type { Driver } from '../../protocol/methods.ts';
import type { RefusalCode } from '../../protocol/refusal-code.ts';
import { SEQUENCE_WIDTH } from '../../protocol/request-key.ts';
import { MemoryStore } from './memory-store.ts';
import { type TestWorld, testWorld } from './world.ts';

/** Any store may be used. */
export interface Fleet extends Deps {
  readonly world: TestWorld;
}

/** The function's process. Without one, the calls of each host go to a process of their own. */
interface Process {
  readonly memory?: PoolMemory;
}

export const fleet = (seed = 1) => ({ store: new MemoryStore(), world: testWorld({ seed }) });

const DEADLINE = 20_000;

/** The options that dockerd sends with a request for an address. */
export const GATEWAY = { RequestAddressType: 'com.docker.network.gateway' };
export const named = (name: string) => ({ 'com.docker.network.endpoint.name': name });
export const withMac = (mac: string) => ({ 'com.docker.network.endpoint.macaddress': mac });
/** Of some endpoint. */
export const MAC = withMac('02:42:ac:11:00:02');

export interface PoolWish {
  readonly pool?: string;
  readonly subPool?: string;
  readonly v6?: boolean;
  readonly space?: string;
  readonly options?: Record<string, string>;
  readonly avoid?: Parameters<typeof requestPool>[2]['avoid'];
  /** The host's own networks and addresses. */
  readonly own?: readonly string[];
}

/** The principal of a host that registers, unless a test says otherwise. */
export const OPS = 'arn:aws:iam::123456789012:user/ops';

export class Host {
  readonly #fleet: Fleet & PoolDeps;
  readonly #id: string;
  readonly #driver: Driver;
  #sequence = 0;
  #incarnation: string | undefined;

  constructor({ memory = new PoolMemory(), ...deps }: Fleet & Process, id: string, driver: Driver = 'berth') {
    this.#fleet = { ...deps, memory };
    this.#id = id;
    this.#driver = driver;
  }

  /** The next call of this host. */
  call(changes: Partial<Call> = {}): Call {
    const { world } = this.#fleet;
    this.#sequence = Math.max(this.#sequence + 1, world.now());
    return {
      hostId: this.#id,
      epoch: 1,
      driver: this.#driver,
      requestKey: this.#sequence.toString(36).padStart(SEQUENCE_WIDTH, '0') + world.random(4),
      attempt: 1,
      deadline: world.now() + DEADLINE,
      ...changes,
    };
  }

  /** Registers as told; by default as the machine that last did so, which proposes a new incarnation. */
  async register(told: Partial<Registration> = {}): Promise<Registered> {
    const next = { incarnation: this.#incarnation, proposed: `${this.#incarnation ?? this.#id}x` };
    const versions = { shimVersion: '1', engineVersion: '' };
    const registered = await registerHost(this.#fleet, this.call(), { principal: OPS, ...next, ...versions, ...told });
    this.#incarnation = registered.incarnation;
    return registered;
  }

  pool(wish: PoolWish = {}, call = this.call()): Promise<GrantedPool> {
    return requestPool(this.#fleet, call, {
      addressSpace: wish.space ?? 'default',
      pool: wish.pool ?? '',
      subPool: wish.subPool ?? '',
      v6: wish.v6 ?? false,
      options: wish.options ?? {},
      avoid: wish.avoid ?? [],
      hostAddresses: (wish.own ?? []).flatMap((text) => parseAddress(text) ?? []),
    });
  }

  leave({ poolId }: GrantedPool, call = this.call()): Promise<void> {
    return releasePool(this.#fleet, call, poolId);
  }

  /** An address of a pool, without its prefix length; '' requests any. */
  async address({ poolId }: GrantedPool, address = '', options = {}, call = this.call()): Promise<string> {
    const answer = await requestAddress(this.#fleet, call, { poolId, address, options });
    return answer.slice(0, answer.indexOf('/'));
  }

  release({ poolId }: GrantedPool, address: string, call = this.call()) {
    return releaseAddress(this.#fleet, call, { poolId, address });
  }
}

/** A host of a fleet of its own. */
export function lone(id = 'a', driver: Driver = 'berth') {
  const deps = fleet();
  return { deps, host: new Host(deps, id, driver) };
}

/** Two hosts of a fleet of their own. */
export function pair(one = 'a', other = 'b') {
  const { deps, host } = lone(one);
  return { deps, one: host, other: new Host(deps, other) };
}

/** A host with one network, and another without. */
export async function network(pool = '10.1.0.0/24', wish: PoolWish = {}, driver: Driver = 'berth') {
  const { deps, host } = lone('a', driver);
  return { deps, host, net: await host.pool({ pool, ...wish }), other: new Host(deps, 'b') };
}

/** Passes when the operation is refused for that reason, with a message that matches. */
export async function refused(operation: Promise<unknown>, code: RefusalCode, words: RegExp): Promise<void> {
  await assert.rejects(operation, (error) => {
    if (!(error instanceof Refusal)) throw error;
    assert.equal(error.code, code);
    assert.match(error.message, words);
    return true;
  });
}
