/** The Region that the table is written from. */
import { marshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import type { Store } from '../ipam/store.ts';
import { homeKey } from './keys.ts';
import type { Table } from './table.ts';

const schema = v.object({ region: v.string() });
const regionOf = (item: unknown): string => v.parse(schema, item).region;

export const home = (table: Table): Pick<Store, 'claimHome'> => ({
  async claimHome(region) {
    const result = await table.put(() => ({
      Item: marshall({ ...homeKey, region }),
      ConditionExpression: 'attribute_not_exists(pk)',
    }));
    return result.done ? region : regionOf(result.standing);
  },
});
