/** References to pools. */
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Store } from '../ipam/store.ts';
import { decodeRef, encodeRef, rangesText } from './items.ts';
import { refKey, refPartition } from './keys.ts';
import type { Table } from './table.ts';

type RefStore = Pick<Store, 'addRef' | 'readRef' | 'writeReserved' | 'endRef' | 'refsOf'>;

/** Most often one page is asked only for whether anybody is there. */
const PAGE = 16;

export const refs = (table: Table): RefStore => ({
  async addRef(ref) {
    const item = marshall({ ...refKey(ref.generation, ref.name), ...encodeRef(ref) });
    const result = await table.put(() => ({ Item: item, ConditionExpression: 'attribute_not_exists(pk)' }));
    if (result.done) return true;
    const standing = decodeRef(result.standing);
    return standing.requestKey === ref.requestKey && standing.state === 'live';
  },

  async readRef(generation, name) {
    const item = await table.get(refKey(generation, name));
    return item && decodeRef(item);
  },

  async writeReserved(seen, reserved) {
    const next = rangesText(reserved);
    const result = await table.update(refKey(seen.generation, seen.name), () => ({
      UpdateExpression: 'SET reserved = :next',
      ConditionExpression: '#state = :live AND epoch = :epoch AND reserved = :seen',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: {
        ':live': { S: 'live' },
        ':epoch': { N: String(seen.epoch) },
        ':seen': { S: rangesText(seen.reserved) },
        ':next': { S: next },
      },
    }));
    if (result.done) return true;
    const standing = result.standing && decodeRef(result.standing);
    return standing?.state === 'live' && standing.epoch === seen.epoch && rangesText(standing.reserved) === next;
  },

  async endRef(generation, name) {
    // Keeps the index key as it is, which spares a write to the index.
    const result = await table.update(refKey(generation, name), () => ({
      UpdateExpression: 'SET #state = :gone REMOVE subPool, gateway, reserved',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':gone': { S: 'gone' } },
    }));
    return result.done;
  },

  async refsOf(generation, after) {
    const page = await table.query(
      {
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :ref)',
        ExpressionAttributeValues: { ':pk': { S: refPartition(generation) }, ':ref': { S: 'ref#' } },
        Limit: PAGE,
      },
      after === undefined ? undefined : refKey(generation, after),
    );
    return { items: page.items.map(decodeRef), more: page.more };
  },
});
