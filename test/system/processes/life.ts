/**
 * The random actions of a host: networks on subnets that all hosts share, on automatic subnets and on conflicting ones,
 * and endpoints that come and go.
 */
import { GATEWAY } from '../../support/fleet.ts';
import type { Client } from './client.ts';
import type { Message } from './history.ts';

export const SPACE = 'fleet';
/** The range of automatic pools: sixteen of the size that the space gives. */
export const AUTOMATIC_RANGE = '10.64.0.0/24';
export const AUTOMATIC_SIZE = 28;

/** The shortest cool-down that a pool may ask for, so that a small pool is soon used again. */
const COOLDOWN = { 'berth.cooldown': '2s' };

/** One small subnet in which all hosts want the same addresses, and one in which all begin at the lowest. */
const NARROW = { Pool: '10.70.0.0/27', Options: COOLDOWN };
const WIDE = { Pool: '10.71.0.0/24', Options: { ...COOLDOWN, 'berth.order': 'serial' } };
/** A subnet that exists only while a host happens to use it. */
const FLEETING = { Pool: '10.72.0.0/28', Options: COOLDOWN };
const NAMED = { Pool: '', Options: { ...COOLDOWN, 'berth.name': 'shared' } };
const AUTOMATIC = { Pool: '', Options: {} };

/** The most addresses that a host holds: it releases some before it asks for more. */
const MOST_ADDRESSES = 4;

interface Network {
  readonly poolId: string;
  readonly addresses: Set<string>;
}

type Place = 'narrow' | 'wide' | 'fleeting' | 'named' | 'automatic' | 'crossing';

interface Action {
  readonly weight: number;
  readonly run: () => Promise<void>;
}

export class Life {
  readonly #client: Client;
  readonly #random: () => number;
  readonly #networks = new Map<Place, Network>();
  #endpoints = 0;

  constructor(client: Client, random: () => number) {
    this.#client = client;
    this.#random = random;
  }

  async begin(): Promise<void> {
    await this.#join('narrow', NARROW);
    await this.#join('wide', WIDE);
  }

  async act(): Promise<void> {
    const actions: readonly Action[] = [
      { weight: 4, run: () => this.#claimGiven() },
      { weight: 2, run: () => this.#claimAgain() },
      { weight: 3, run: () => this.#claim('wide') },
      { weight: 1, run: () => this.#claim('narrow') },
      { weight: 5, run: () => this.#release() },
      { weight: 3, run: () => this.#toggle('fleeting', FLEETING) },
      { weight: 2, run: () => this.#toggle('automatic', AUTOMATIC) },
      { weight: 3, run: () => this.#toggle('crossing', { Pool: this.#crossing(), Options: COOLDOWN }) },
      { weight: 1, run: () => this.#toggle('named', NAMED) },
    ];
    const held = [...this.#networks.values()].reduce((sum, { addresses }) => sum + addresses.size, 0);
    if (held >= MOST_ADDRESSES) await this.#release();
    else await this.#choose(actions).run();
  }

  /** Releases all that the host holds. */
  async end(): Promise<void> {
    for (const place of [...this.#networks.keys()]) await this.#leave(place);
  }

  #choose(actions: readonly Action[]): Action {
    let left = this.#random() * actions.reduce((sum, { weight }) => sum + weight, 0);
    const chosen = actions.find(({ weight }) => (left -= weight) < 0);
    if (chosen === undefined) throw new Error('there is always one');
    return chosen;
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  /** A subnet of 16 to 128 addresses, all within 256: most conflict with each other. */
  #crossing(): string {
    const prefix = 25 + this.#below(4);
    const size = 2 ** (32 - prefix);
    return `10.73.0.${this.#below(256 / size) * size}/${prefix}`;
  }

  async #toggle(place: Place, wish: Pick<Message, 'Pool' | 'Options'>): Promise<void> {
    if (this.#networks.has(place)) {
      await this.#leave(place);
      return;
    }
    await this.#join(place, wish);
    if (this.#below(2) === 0) await this.#claim(place);
  }

  /** Like dockerd: the pool, then its gateway. */
  async #join(place: Place, wish: Pick<Message, 'Pool' | 'Options'>): Promise<void> {
    const told = await this.#client.call('RequestPool', { AddressSpace: SPACE, ...wish });
    if (told === undefined || told.Error !== undefined) return;
    this.#networks.set(place, { poolId: told.PoolID, addresses: new Set() });
    if (this.#below(2) === 0) {
      await this.#client.call('RequestAddress', { PoolID: told.PoolID, Address: '', Options: GATEWAY });
    }
  }

  async #leave(place: Place): Promise<void> {
    const network = this.#networks.get(place);
    if (network === undefined) return;
    for (const address of [...network.addresses]) await this.#giveBack(network, address);
    this.#networks.delete(place);
    await this.#client.call('ReleasePool', { PoolID: network.poolId });
  }

  /** For a new endpoint. */
  #claim(place: Place): Promise<void> {
    return this.#request(place, '', { 'com.docker.network.endpoint.name': `new-${this.#endpoints++}` });
  }

  /** For one of two endpoints, which tend to get their former addresses. */
  #claimAgain(): Promise<void> {
    return this.#request('narrow', '', { 'com.docker.network.endpoint.name': `again-${this.#below(2)}` });
  }

  /** An address that all others want too. The first two are the network's own and its gateway's. */
  #claimGiven(): Promise<void> {
    const mac = `02:42:00:00:00:${this.#below(256).toString(16).padStart(2, '0')}`;
    const options = { 'com.docker.network.endpoint.macaddress': mac };
    return this.#request('narrow', `10.70.0.${2 + this.#below(29)}`, options);
  }

  async #request(place: Place, address: string, options: Record<string, string>): Promise<void> {
    const network = this.#networks.get(place);
    if (network === undefined) return;
    const { poolId } = network;
    const told = await this.#client.call('RequestAddress', { PoolID: poolId, Address: address, Options: options });
    if (told !== undefined && told.Error === undefined) network.addresses.add(told.Address.replace(/\/.*/, ''));
  }

  async #release(): Promise<void> {
    const held = [...this.#networks.values()].flatMap((network) =>
      [...network.addresses].map((address) => ({ network, address })),
    );
    const chosen = held[this.#below(held.length)];
    if (chosen !== undefined) await this.#giveBack(chosen.network, chosen.address);
  }

  async #giveBack({ poolId, addresses }: Network, address: string): Promise<void> {
    addresses.delete(address);
    await this.#client.call('ReleaseAddress', { PoolID: poolId, Address: address });
  }
}
