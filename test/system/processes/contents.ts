/** The complete contents of the table, as the rules read it. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { decodeChunk, decodePool, decodeRef } from '../../../functions/dynamo/items.ts';
import { addressAt } from '../../../functions/ipam/chunk.ts';
import type { Pool } from '../../../functions/ipam/pool.ts';
import type { Ref } from '../../../functions/ipam/ref.ts';
import { type Slot, decodeSlot } from '../../../functions/ipam/slot.ts';
import { formatAddress } from '../../../protocol/address.ts';
import { itemsOf } from '../../support/items.ts';

export interface Address {
  readonly generation: string;
  /** Without a prefix length. */
  readonly address: string;
  readonly slot: Slot;
}

export interface Contents {
  readonly pools: readonly Pool[];
  /** Including those that have ended. */
  readonly refs: readonly Ref[];
  /** Every address that was ever used. */
  readonly addresses: readonly Address[];
}

const key = v.object({ pk: v.string(), sk: v.string() });

export async function readContents(client: DynamoDBClient, table: string): Promise<Contents> {
  const items = await itemsOf(client, table);
  const of = (kind: string) => items.filter((item) => v.parse(key, item).sk.startsWith(kind));
  const refs = of('ref#').map(decodeRef);
  return {
    pools: of('pool#').map(decodePool),
    refs,
    addresses: of('chunk#').flatMap((item) => addressesOf(item, refs)),
  };
}

function addressesOf(item: object, refs: readonly Ref[]): Address[] {
  const [, generation = ''] = v.parse(key, item).pk.split('#');
  const { index, slots } = decodeChunk(item);
  const cidr = refs.find((ref) => ref.generation === generation)?.cidr;
  if (cidr === undefined) {
    // A sweep removes old tombstones first, and then the chunks in which nothing is held any more.
    const isHeld = slots.some((value) => value !== undefined && decodeSlot(value).kind !== 'free');
    if (isHeld) throw new Error(`addresses are held in a pool that no network refers to: ${generation}`);
    return [];
  }
  return slots.flatMap((value, slot) =>
    value === undefined
      ? []
      : [{ generation, address: formatAddress(addressAt(cidr, index, slot)), slot: decodeSlot(value) }],
  );
}
