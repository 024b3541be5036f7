/** Spaces and the names of shared pools. */
import { marshall } from '@aws-sdk/util-dynamodb';
import { formatCidr } from '../ipam/address.ts';
import { defaultsOf } from '../ipam/space.ts';
import type { Store } from '../ipam/store.ts';
import { decodeName, decodeSpace } from './items.ts';
import { nameKey, spaceKey } from './keys.ts';
import type { Table } from './table.ts';

export const spaces = (table: Table): Pick<Store, 'readSpace' | 'readPoolName' | 'writePoolName'> => ({
  async readSpace(space) {
    const item = await table.get(spaceKey(space));
    return item && decodeSpace(item, defaultsOf(space));
  },

  async readPoolName(space, family, name) {
    const item = await table.get(nameKey(space, family, name));
    return item && decodeName(item);
  },

  async writePoolName(space, name, { cidr, generation }, seen) {
    const item = { ...nameKey(space, cidr.family, name), cidr: formatCidr(cidr), generation };
    const result = await table.put(() => ({
      Item: marshall(item),
      ...(seen === undefined
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : {
            ConditionExpression: 'generation = :seen',
            ExpressionAttributeValues: { ':seen': { S: seen.generation } },
          }),
    }));
    // A generation is ours alone: a name that stands for it was written by an earlier attempt.
    return result.done || (result.standing !== undefined && decodeName(result.standing).generation === generation);
  },
});
