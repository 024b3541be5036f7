/**
 * Two other common ways to keep addresses in DynamoDB: an item for each address, and a bitmap in one
 * item under an optimistic lock. Neither has hosts, reservations, retries or cool-downs: only the cost of a
 * claim is compared.
 */
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { cidr } from '../test/support/addresses.ts';
import { chance } from '../test/support/interleaving.ts';
import type { Cost } from '../test/support/meter.ts';
import type { Cell } from './claims.ts';
import { type Figures, figuresOf } from './figures.ts';
import { type Setting, choose, offsets, putAll, size } from './setting.ts';

export interface PeerResult extends Cell {
  readonly peer: string;
  readonly granted: Figures;
  readonly full: Figures;
  /** The caller gave up because others kept winning. */
  readonly busy: number;
}

interface Peer {
  readonly name: string;
  /** A pool in which all addresses except the free ones are taken. */
  readonly fill: (free: readonly number[]) => Promise<void>;
  /** @returns an offset; `undefined`: the pool is full. @throws Contended. */
  readonly claim: (random: () => number) => Promise<number | undefined>;
  readonly release: (offset: number) => Promise<void>;
}

class Contended extends Error {}

const MAX_TRIES = 50;

const isLost = (error: unknown): boolean => error instanceof ConditionalCheckFailedException;

/** Reads which addresses are taken, then puts an item for one that is not. */
function itemPerAddress({ client, table }: Setting, pool: string): Peer {
  const pk = `peer-item#${pool}`;
  const all = offsets(cidr(pool));
  const sk = (offset: number): string => String(offset).padStart(6, '0');
  const taken = async (): Promise<Set<string>> => {
    const found = new Set<string>();
    let start: Record<string, { S: string }> | undefined;
    do {
      const page = await client.send(
        new QueryCommand({
          TableName: table,
          ConsistentRead: true,
          ...(start && { ExclusiveStartKey: start }),
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': { S: pk } },
        }),
      );
      for (const item of page.Items ?? []) found.add(item['sk']?.S ?? '');
      const last = page.LastEvaluatedKey?.['sk']?.S;
      start = last === undefined ? undefined : { pk: { S: pk }, sk: { S: last } };
    } while (start !== undefined);
    return found;
  };
  return {
    name: 'an item per address',
    fill: async (free) => {
      const open = new Set(free);
      const items = all
        .filter((offset) => !open.has(offset))
        .map((offset) => ({ pk, sk: sk(offset), holder: 'bench' }));
      await putAll(client, table, items);
    },
    claim: async (random) => {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const held = await taken();
        const open = all.filter((offset) => !held.has(sk(offset)));
        const offset = open[Math.floor(random() * open.length)];
        if (offset === undefined) return undefined;
        try {
          const item = { pk: { S: pk }, sk: { S: sk(offset) }, holder: { S: 'bench' } };
          const condition = 'attribute_not_exists(pk)';
          await client.send(new PutItemCommand({ TableName: table, Item: item, ConditionExpression: condition }));
          return offset;
        } catch (error) {
          if (!isLost(error)) throw error;
        }
      }
      throw new Contended('others kept winning');
    },
    release: async (offset) => {
      const key = { pk: { S: pk }, sk: { S: sk(offset) } };
      await client.send(new DeleteItemCommand({ TableName: table, Key: key }));
    },
  };
}

/** Reads the whole map, sets a bit, and writes the map back if no other caller has written it. */
function bitmap({ client, table }: Setting, pool: string): Peer {
  const key = { pk: { S: `peer-bits#${pool}` }, sk: { S: 'bits' } };
  const read = async () => {
    const command = new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true });
    const { Item: item } = await client.send(command);
    return { bits: Buffer.from(item?.['bits']?.S ?? '', 'latin1'), rev: item?.['rev']?.N ?? '0' };
  };
  const write = async (bits: Buffer, rev: string): Promise<boolean> => {
    const command = new UpdateItemCommand({
      TableName: table,
      Key: key,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      UpdateExpression: 'SET bits = :bits, rev = :next',
      ConditionExpression: 'attribute_not_exists(rev) OR rev = :rev',
      ExpressionAttributeValues: {
        ':bits': { S: bits.toString('latin1') },
        ':rev': { N: rev },
        ':next': { N: String(Number(rev) + 1) },
      },
    });
    try {
      await client.send(command);
      return true;
    } catch (error) {
      if (isLost(error)) return false;
      throw error;
    }
  };
  // Six bits in one byte of text, so that one byte of the map takes one byte of the item.
  const place = (offset: number) => ({ index: Math.floor(offset / 6), bit: 1 << (offset % 6) });
  const isSet = (bits: Buffer, offset: number): boolean => ((bits[place(offset).index] ?? 0) & place(offset).bit) !== 0;
  const flip = async (offset: number): Promise<void> => {
    for (;;) {
      const { bits, rev } = await read();
      bits[place(offset).index] = (bits[place(offset).index] ?? 0) ^ place(offset).bit;
      if (await write(bits, rev)) return;
    }
  };
  return {
    name: 'a map of bits, locked by its version',
    fill: async (free) => {
      const open = new Set(free);
      const bits = Buffer.alloc(Math.ceil(size(cidr(pool)) / 6), 64);
      for (const offset of offsets(cidr(pool))) {
        if (!open.has(offset)) bits[place(offset).index] = (bits[place(offset).index] ?? 0) | place(offset).bit;
      }
      await write(bits, (await read()).rev);
    },
    claim: async (random) => {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const { bits, rev } = await read();
        const open = offsets(cidr(pool)).filter((offset) => !isSet(bits, offset));
        const offset = open[Math.floor(random() * open.length)];
        if (offset === undefined) return undefined;
        bits[place(offset).index] = (bits[place(offset).index] ?? 0) | place(offset).bit;
        if (await write(bits, rev)) return offset;
      }
      throw new Contended('others kept winning');
    },
    release: flip,
  };
}

export const peers = [itemPerAddress, bitmap];

export async function measurePeer(
  at: Setting,
  make: (at: Setting, pool: string) => Peer,
  cell: Cell,
  calls: number,
  seed: number,
): Promise<PeerResult> {
  const peer = make(at, cell.pool);
  const random = chance(seed);
  const all = offsets(cidr(cell.pool));
  const spare = Math.max(1, Math.round((all.length * (100 - cell.fill)) / 100));
  const taken = new Set(choose(all, spare, seed));
  await peer.fill(all.filter((offset) => !taken.has(offset)));
  const granted: Cost[] = [];
  const full: Cost[] = [];
  let busy = 0;
  for (let made = 0; made < calls; made += cell.callers) {
    const asks = Array.from({ length: cell.callers }, () => at.meter.measure(() => peer.claim(random)));
    for (const { outcome, cost } of await Promise.all(asks)) {
      if (outcome.status === 'rejected') {
        if (!(outcome.reason instanceof Contended)) throw outcome.reason;
        busy++;
      } else if (outcome.value === undefined) full.push(cost);
      else {
        granted.push(cost);
        await peer.release(outcome.value);
      }
    }
  }
  return { ...cell, peer: peer.name, granted: figuresOf(granted), full: figuresOf(full), busy };
}
