/** Pools: every change is conditional on the exact `rev` that was seen, and sets a new one. */
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Cidr } from '../../protocol/address.ts';
import type { Pool } from '../ipam/pool.ts';
import type { Store } from '../ipam/store.ts';
import { decodePool, encodePool } from './items.ts';
import { firstPool, poolKey, poolStart, poolStartEnd } from './keys.ts';
import type { Table } from './table.ts';

type PoolReads = Pick<Store, 'readPool' | 'poolsStartingIn' | 'poolsStartingBefore'>;
type PoolWrites = Pick<Store, 'announcePool' | 'changePool' | 'removePool'>;

/**
 * Sizes of first pages. Forward, one page is enough to find gaps in a crowded space; backward, the nearest pool is usually
 * the answer. Later pages are as large as possible.
 */
const FIRST_FORWARD_POOLS = 100;
const FIRST_BACKWARD_POOLS = 4;

const BETWEEN = 'pk = :pk AND sk BETWEEN :from AND :to';
const bounds = (pk: string, from: string, to: string) => ({
  ':pk': { S: pk },
  ':from': { S: from },
  ':to': { S: to },
});

const keyOf = (pool: Pool) => poolKey(pool.space, pool.cidr);

const exactly = ({ rev }: Pool) => ({
  ConditionExpression: 'rev = :seen',
  ExpressionAttributeValues: { ':seen': { S: rev } },
});

export const pools = (table: Table, freshId: () => string): PoolReads & PoolWrites => ({
  ...poolReads(table),
  ...poolWrites(table, freshId),
});

function poolReads(table: Table): PoolReads {
  const queryPools = async (space: string, after: Cidr | undefined, input: Parameters<Table['query']>[0]) => {
    const page = await table.query(input, after && poolKey(space, after));
    return { items: page.items.map(decodePool), more: page.more };
  };

  return {
    async readPool(space, cidr) {
      const item = await table.get(poolKey(space, cidr));
      return item && decodePool(item);
    },

    poolsStartingIn(
      space,
      { family, first, last },
      after,
      limit = after === undefined ? FIRST_FORWARD_POOLS : undefined,
    ) {
      const { pk } = poolKey(space, { family, first, prefix: 0 });
      const from = poolStart({ family, value: first });
      const to = poolStartEnd({ family, value: last });
      return queryPools(space, after, {
        KeyConditionExpression: BETWEEN,
        ExpressionAttributeValues: bounds(pk, from, to),
        ...(limit !== undefined && { Limit: limit }),
      });
    },

    poolsStartingBefore(space, { family, value }, before) {
      const { pk } = poolKey(space, { family, first: value, prefix: 0 });
      return queryPools(space, before, {
        KeyConditionExpression: BETWEEN,
        ExpressionAttributeValues: bounds(pk, firstPool(family), poolStart({ family, value })),
        ScanIndexForward: false,
        ...(before === undefined && { Limit: FIRST_BACKWARD_POOLS }),
      });
    },
  };
}

const poolWrites = (table: Table, freshId: () => string): PoolWrites => ({
  async announcePool(draft, generation) {
    let pool: Pool = { ...draft, generation: '', rev: '', state: 'pending' };
    const ours = new Set<string>();
    const result = await table.put(() => {
      pool = { ...pool, generation: generation ?? freshId(), rev: freshId() };
      ours.add(pool.rev);
      return {
        Item: marshall({ ...keyOf(pool), ...encodePool(pool) }),
        ConditionExpression: 'attribute_not_exists(pk)',
      };
    });
    if (result.done) return { announced: pool };
    const standing = decodePool(result.standing);
    return ours.has(standing.rev) ? { announced: standing } : { standing };
  },

  async changePool(seen, state) {
    let changed: Pool = { ...seen, state };
    const ours = new Set<string>();
    const result = await table.update(keyOf(seen), () => {
      changed = { ...changed, rev: freshId() };
      ours.add(changed.rev);
      const { ConditionExpression, ExpressionAttributeValues } = exactly(seen);
      return {
        UpdateExpression: 'SET rev = :rev, #state = :state',
        ConditionExpression,
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: {
          ...ExpressionAttributeValues,
          ':rev': { S: changed.rev },
          ':state': { S: state },
        },
      };
    });
    if (result.done) return changed;
    const standing = result.standing && decodePool(result.standing);
    return standing !== undefined && ours.has(standing.rev) ? standing : undefined;
  },

  async removePool(seen) {
    const result = await table.delete(keyOf(seen), () => exactly(seen));
    // If it is gone after an attempt that was not answered, it is removed, whichever call removed it.
    return result.done || (result.standing === undefined && result.attempts > 1);
  },
});
