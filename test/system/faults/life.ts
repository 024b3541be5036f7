/** A user of dockerd who creates and removes random networks and endpoints until stopped. */
import { GATEWAY } from '../../support/fleet.ts';
import { type Dockerd, bare } from './dockerd.ts';
import type { Register } from './register.ts';

/** All hosts share this subnet; other subnets are random. Both are so wide that an address is rarely drawn twice. */
const SHARED = '10.70.0.0/18';
const DRAWN = '0.0.0.0/20';
const MOST_NETWORKS = 2;
const MOST_ADDRESSES = 4;

interface Network {
  readonly poolId: string;
  /** Its subnet, where no other host may have it. */
  readonly own: string | undefined;
}

export class Life {
  readonly #name: string;
  readonly #dockerd: Dockerd;
  readonly #register: Register;
  readonly #random: () => number;
  readonly #networks: Network[] = [];
  #calls = 0;

  constructor(name: string, dockerd: Dockerd, register: Register, random: () => number) {
    this.#name = name;
    this.#dockerd = dockerd;
    this.#register = register;
    this.#random = random;
  }

  async live(isOver: () => boolean): Promise<void> {
    while (!isOver()) await this.#act();
  }

  async #act(): Promise<void> {
    const network = this.#networks[Math.floor(this.#random() * this.#networks.length)];
    const chance = this.#random();
    if (network === undefined || (chance < 0.15 && this.#networks.length < MOST_NETWORKS)) await this.#join();
    else if (chance < 0.6) await this.#claim(network);
    else if (chance < 0.9) await this.#release(network);
    else await this.#leave(network);
  }

  /** Every request is unique, so that an interrupted one can be identified. */
  #mark(): Record<string, string> {
    return { 'test.call': `${this.#name}-${this.#calls++}` };
  }

  async #join(): Promise<void> {
    const isShared = this.#random() < 0.5;
    const told = await this.#dockerd.requestPool(isShared ? SHARED : DRAWN, this.#mark());
    if (!this.#dockerd.networks.has(told.poolId)) return;
    const own = isShared ? undefined : told.pool;
    if (own !== undefined) this.#register.take(own, this.#name);
    this.#networks.push({ poolId: told.poolId, own });
    if (this.#random() < 0.5) await this.#dockerd.requestAddress(told.poolId, '', { ...GATEWAY, ...this.#mark() });
  }

  async #claim(network: Network): Promise<void> {
    const held = this.#dockerd.networks.get(network.poolId);
    if (held === undefined || held.size >= MOST_ADDRESSES) return this.#release(network);
    const name = { 'com.docker.network.endpoint.name': `${this.#name}-${this.#calls++}` };
    const told = await this.#dockerd.requestAddress(network.poolId, '', name);
    const address = bare(told.address);
    if (held.has(address)) this.#register.take(this.#thing(network, address), this.#name);
  }

  async #release(network: Network): Promise<void> {
    const [address] = this.#dockerd.networks.get(network.poolId) ?? [];
    if (address === undefined) return;
    this.#register.drop(this.#thing(network, address));
    await this.#dockerd.releaseAddress(network.poolId, address);
  }

  /** Like dockerd: endpoints first. */
  async #leave(network: Network): Promise<void> {
    const { poolId, own } = network;
    while ((this.#dockerd.networks.get(poolId)?.size ?? 0) > 0) await this.#release(network);
    this.#networks.splice(this.#networks.indexOf(network), 1);
    if (own !== undefined) this.#register.drop(own);
    await this.#dockerd.releasePool(poolId);
  }

  #thing({ own }: Network, address: string): string {
    return `${own ?? SHARED} ${address}`;
  }
}
