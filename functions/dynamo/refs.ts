/** References to pools. */
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Store } from '../ipam/store.ts';
import { decodeRef, decodeRefKey, encodeRef, keptText } from './items.ts';
import { refKey, refPartition } from './keys.ts';
import type { Table } from './table.ts';

type RefStore = Pick<Store, 'addRef' | 'readRef' | 'writeKept' | 'endRef' | 'refsOf' | 'refsOfCall'>;

/** The first page is asked most often only for whether anybody is there; who reads on, reads all that fits. */
const FIRST_PAGE = 16;

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

  async writeKept(seen, kept) {
    const result = await table.update(refKey(seen.generation, seen.name), () => ({
      UpdateExpression: 'SET kept = :next',
      ConditionExpression: '#state = :live AND epoch = :epoch AND kept = :seen',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: {
        ':live': { S: 'live' },
        ':epoch': { N: String(seen.epoch) },
        ':seen': { S: keptText(seen) },
        ':next': { S: keptText(kept) },
      },
    }));
    if (result.done) return true;
    const standing = result.standing && decodeRef(result.standing);
    return standing?.state === 'live' && standing.epoch === seen.epoch && keptText(standing) === keptText(kept);
  },

  async endRef(generation, name) {
    // Keeps the index key as it is, which spares a write to the index.
    const result = await table.update(refKey(generation, name), () => ({
      UpdateExpression: 'SET #state = :gone',
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
        ...(after === undefined && { Limit: FIRST_PAGE }),
      },
      after === undefined ? undefined : refKey(generation, after),
    );
    return { items: page.items.map(decodeRef), more: page.more };
  },

  async refsOfCall(hostId, requestKey) {
    // The few attempts of one call fit one page.
    const { items } = await table.query(
      {
        IndexName: 'byHost',
        KeyConditionExpression: 'host = :host AND requestKey = :key',
        ExpressionAttributeValues: { ':host': { S: hostId }, ':key': { S: requestKey } },
      },
      undefined,
    );
    return items.map(decodeRefKey);
  },
});
