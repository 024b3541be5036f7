/** A space without room, functions whose processes the tests choose, and a table that counts what a survey reads. */
import assert from 'node:assert/strict';
import { beforeEach } from 'node:test';
import { PoolMemory } from '../../../../functions/ipam/pools/memory.ts';
import type { GrantedPool } from '../../../../functions/ipam/pools/request-pool.ts';
import type { SpaceSettings } from '../../../../functions/ipam/space.ts';
import type { Store } from '../../../../functions/ipam/store.ts';
import { type Cidr, addressBits, cidrSize, formatCidr } from '../../../../protocol/address.ts';
import { Host, type PoolWish, refused } from '../../../support/fleet.ts';
import { compare, poolKey } from '../../../support/memory-items.ts';
import { MemoryStore } from '../../../support/memory-store.ts';
import { testWorld } from '../../../support/world.ts';
import { cidr, numbers } from './values.ts';

export const FULL = /^all predefined address pools have been fully subnetted/;

/** A table that counts requests, each of which may take a while. */
export class SlowStore extends MemoryStore {
  readonly world = testWorld();
  /** ms that a survey takes for each pool that it reads. */
  msPerPool = 0;
  /** Where the pages of surveys began. */
  readonly pages: bigint[] = [];
  /** Pools that surveys have read. */
  surveyed = 0;
  announcements = 0;
  rereads = 0;
  /** What happens once a survey has passed an address. */
  afterwards: { readonly address: bigint; readonly happen: () => Promise<void> } | undefined;

  override announcePool(...args: Parameters<MemoryStore['announcePool']>) {
    this.announcements++;
    return super.announcePool(...args);
  }

  override readPool = (space: string, where: Cidr) => {
    this.rereads++;
    return Promise.resolve(this.pools.get(poolKey({ space, cidr: where })));
  };

  override async poolsStartingIn(...args: Parameters<Store['poolsStartingIn']>) {
    const [space, within, after, limit] = args;
    // Only a survey says how many pools it wants.
    if (limit === undefined) return super.poolsStartingIn(space, within, after);
    this.pages.push(within.first);
    const all = [...this.pools.values()]
      .filter(
        ({ cidr: { family, first } }) => family === within.family && within.first <= first && first <= within.last,
      )
      .filter((pool) => pool.space === space)
      .sort((a, b) => compare(a.cidr, b.cidr));
    const items = all.slice(0, limit);
    this.surveyed += items.length;
    this.world.advance(items.length * this.msPerPool);
    const { afterwards } = this;
    if (afterwards !== undefined && items.some((pool) => pool.cidr.first === afterwards.address)) {
      this.afterwards = undefined;
      await afterwards.happen();
    }
    return { items, more: all.length > limit };
  }

  /** The counts since the last time. */
  count() {
    const { surveyed, announcements, rereads } = this;
    [this.surveyed, this.announcements, this.rereads] = [0, 0, 0];
    return { surveyed, announcements, rereads };
  }
}

export let store: SlowStore;
/** Of a process of a function. */
export let memory: PoolMemory;
export let warm: Host;
export let elsewhere: Host;

export const hostOf = (id: string, process: PoolMemory): Host =>
  new Host({ store, world: store.world, memory: process }, id);
export const setSpace = (space: string, settings: SpaceSettings): void => {
  store.spaces.set(space, { settings, rev: 'one' });
};

/** New for each test of the file that calls this. */
export function useFullSpace(): void {
  beforeEach(begin);
}

function begin(): void {
  store = new SlowStore();
  memory = new PoolMemory();
  warm = hostOf('warm', memory);
  elsewhere = hostOf('elsewhere', new PoolMemory());
  setSpace('default', { ranges: [cidr('10.0.0.0/26')], size4: 30 });
}

export const NOTHING = { surveyed: 0, announcements: 0, rereads: 0 };

/** Puts a confirmed pool into the table. */
export async function put(where: Cidr, space = 'default', table: MemoryStore = store): Promise<void> {
  const settings = { gateway: undefined, cooldown: 1, exclusive: false };
  const draft = { ...settings, space, cidr: where, announcedAt: 0, createdBy: 'elsewhere' };
  const answer = await table.announcePool(draft);
  await table.changePool('announced' in answer ? answer.announced : assert.fail(), 'confirmed');
}

/** All subnets of a range. */
export function subnets(text: string, size: number): Cidr[] {
  const within = cidr(text);
  const step = 1n << BigInt(addressBits(within.family) - size);
  return numbers(0n, cidrSize(within) / step - 1n).map((i) => ({
    ...within,
    first: within.first + i * step,
    prefix: size,
  }));
}

/** Another process takes all subnets of the space. @returns the network that has the first one. */
export async function fill(text = '10.0.0.0/26', size = 30, space = 'default'): Promise<GrantedPool> {
  const [first = assert.fail(), ...others] = subnets(text, size);
  for (const where of others) await put(where, space);
  const net = await elsewhere.pool({ space, pool: formatCidr(first) });
  store.count();
  return net;
}

export const isFull = (host = warm, wish: PoolWish = {}, words = FULL): Promise<void> =>
  refused(host.pool(wish), 'no-pool-left', words);
