/** The setting of the counts: the real rules and store on the embedded engine, with a clock that can be advanced. */
import { BatchWriteItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { encodePool, slotAttribute } from '../functions/dynamo/items.ts';
import { chunkKey, poolKey } from '../functions/dynamo/keys.ts';
import { storeOver } from '../functions/dynamo/open.ts';
import { CHUNK_SIZE } from '../functions/ipam/chunk.ts';
import type { Pool } from '../functions/ipam/pool.ts';
import { encodeSlot } from '../functions/ipam/slot.ts';
import { realWorld } from '../functions/lambda/world.ts';
import { type Cidr, cidrSize, usableRange } from '../protocol/address.ts';
import { SEQUENCE_WIDTH } from '../protocol/request-key.ts';
import { engineStore } from '../test/support/engine-store.ts';
import type { Fleet } from '../test/support/fleet.ts';
import { chance } from '../test/support/interleaving.ts';
import { type Meter, meter } from '../test/support/meter.ts';

export interface Setting extends Fleet {
  readonly client: DynamoDBClient;
  readonly table: string;
  /** The address of the engine. */
  readonly endpoint: string;
  readonly meter: Meter;
  close(): Promise<void>;
}

/** The digits of the time are part of items, and so of what is read: the clock starts here, and moves on request. */
const START = Date.UTC(2026, 10, 24);

/** @param seed of all randomness: where endpoints look first, and which callers collide. */
export async function setting(seed: number): Promise<Setting> {
  const engine = await engineStore();
  const random = chance(seed);
  let now = START;
  const world = {
    ...realWorld,
    random: (length: number) => Array.from({ length }, () => Math.floor(random() * 36).toString(36)).join(''),
    now: () => now++,
    advance: (milliseconds: number) => {
      now += milliseconds;
    },
  };
  const { client, table, endpoint } = engine;
  return {
    client,
    table,
    endpoint,
    meter: meter(client),
    world,
    store: storeOver(client, table, world),
    close: () => engine.close(),
  };
}

/** The offsets of a pool that endpoints may have, without its gateway (the first). */
export function offsets(pool: Cidr): number[] {
  const usable = usableRange(pool);
  if (usable === undefined) return [];
  const first = Number(usable.first - pool.first) + 1;
  return Array.from({ length: Number(usable.last - pool.first) - first + 1 }, (_, i) => first + i);
}

/** All except a given number of elements, chosen at random. */
export function choose<T>(things: readonly T[], spare: number, seed: number): T[] {
  const random = chance(seed);
  const left = [...things];
  for (let i = left.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const [a, b] = [left[i], left[j]];
    if (a === undefined || b === undefined) throw new Error('there is nothing there');
    left[i] = b;
    left[j] = a;
  }
  return left.slice(spare);
}

const REF = 'crowdedhost000';
const KEY = `${'1'.padStart(SEQUENCE_WIDTH, '0')}aaaa`;
export const leaseOf = (ref: string): string =>
  encodeSlot({ kind: 'leased', ref, requestKey: KEY, mac: '02:42:ac:11:00:02', name: '' });

/** The most items that one batch may hold. */
const MAX_BATCH_ITEMS = 25;

/** Leases, of a permanent host unless another is given, written in the format of the table. */
export async function occupy(
  { client, table }: Setting,
  generation: string,
  taken: readonly number[],
  gateway: string,
  lease = leaseOf(REF),
): Promise<void> {
  const chunks = new Map<number, Record<string, string>>();
  const slotsOf = (offset: number): Record<string, string> => {
    const index = Math.floor(offset / CHUNK_SIZE);
    const slots = chunks.get(index) ?? {};
    chunks.set(index, slots);
    return slots;
  };
  for (const offset of taken) slotsOf(offset)[slotAttribute(offset % CHUNK_SIZE)] = lease;
  if (gateway !== '') slotsOf(1)[slotAttribute(1)] = gateway;
  const items = [...chunks].map(([index, slots]) => ({ ...chunkKey(generation, BigInt(index)), ...slots }));
  await putAll(client, table, items);
}

/** Puts items that no other caller writes. */
export async function putAll(client: DynamoDBClient, table: string, items: readonly object[]): Promise<void> {
  for (let from = 0; from < items.length; from += MAX_BATCH_ITEMS) {
    const requests = items
      .slice(from, from + MAX_BATCH_ITEMS)
      .map((item) => ({ PutRequest: { Item: marshall(item) } }));
    const { UnprocessedItems: left } = await client.send(
      new BatchWriteItemCommand({ RequestItems: { [table]: requests } }),
    );
    if (Object.keys(left ?? {}).length > 0) throw new Error('the engine left items of a batch out');
  }
}

export const size = (pool: Cidr): number => Number(cidrSize(pool));

/** The item of a confirmed pool that a host created. @param number distinguishes its generation. */
export function heldPool({ world }: Setting, where: Pick<Pool, 'space' | 'cidr'>, number: number, createdBy: string) {
  const pool = {
    ...where,
    announcedAt: world.now(),
    createdBy,
    gateway: undefined,
    cooldown: 30_000,
    exclusive: false,
    generation: `held${String(number).padStart(8, '0')}`,
    rev: '000000000000',
    state: 'confirmed' as const,
  };
  return { ...poolKey(where.space, where.cidr), ...encodePool(pool) };
}
