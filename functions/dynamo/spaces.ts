/** Spaces and the names of shared pools. */
import { marshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { formatCidr } from '../../protocol/address.ts';
import type { Space, SpaceSettings } from '../ipam/space.ts';
import type { Store } from '../ipam/store.ts';
import { decodeName, decodeSpace, encodeSpace } from './items.ts';
import { nameKey, spaceKey, termKey } from './keys.ts';
import type { Table } from './table.ts';

type SpaceStore = Pick<Store, 'readSpace' | 'writeSpace' | 'readTerm' | 'raiseTerm' | 'readPoolName' | 'writePoolName'>;

const termItem = v.object({ term: v.number() });

export const spaces = (table: Table, freshId: () => string): SpaceStore => ({
  async readSpace(space) {
    const item = await table.get(spaceKey(space));
    return item && decodeSpace(item);
  },

  async writeSpace(space, settings, seen) {
    let written: Space = { settings, rev: undefined };
    const ours = new Set<string>();
    const result = await table.update(spaceKey(space), () => {
      const rev = freshId();
      written = { settings, rev };
      ours.add(rev);
      const { ConditionExpression, values } = asSeen(seen);
      const { ExpressionAttributeValues, ...update } = settingAll(settings, rev);
      return {
        ...update,
        ConditionExpression,
        ExpressionAttributeValues: { ...ExpressionAttributeValues, ...values },
      };
    });
    if (result.done) return written;
    const standing = result.standing && decodeSpace(result.standing);
    return standing?.rev !== undefined && ours.has(standing.rev) ? standing : undefined;
  },

  async readTerm(space) {
    const item = await table.get(termKey(space));
    return item === undefined ? 0 : v.parse(termItem, item).term;
  },

  async raiseTerm(space, seen) {
    // The item does not show whose attempt has set a number: a caller whose answer was lost takes the next one.
    const result = await table.update(termKey(space), () => ({
      UpdateExpression: 'SET #term = :next',
      ConditionExpression: seen === 0 ? 'attribute_not_exists(pk)' : '#term = :seen',
      ExpressionAttributeNames: { '#term': 'term' },
      ExpressionAttributeValues: marshall({ ':next': seen + 1, ...(seen > 0 && { ':seen': seen }) }),
    }));
    return result.done;
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
    // Only this call knows its generation: a name that points to it was written by an earlier attempt.
    return result.done || (result.standing !== undefined && decodeName(result.standing).generation === generation);
  },
});

/** A space that was written by hand, or never, has no `rev`. */
const asSeen = (seen: Space | undefined) =>
  seen?.rev === undefined
    ? { ConditionExpression: 'attribute_not_exists(rev)', values: {} }
    : { ConditionExpression: 'rev = :seen', values: { ':seen': { S: seen.rev } } };

/** Removes what is not set. Attributes that this version of the code does not know stay as they are. */
function settingAll(settings: SpaceSettings, rev: string) {
  const all = Object.entries({ ...encodeSpace(settings), rev });
  const set = all.filter(([, value]) => value !== undefined);
  const taken = all.filter(([, value]) => value === undefined);
  const remove = taken.length === 0 ? '' : ` REMOVE ${taken.map(([name]) => `#${name}`).join(', ')}`;
  return {
    UpdateExpression: `SET ${set.map(([name]) => `#${name} = :${name}`).join(', ')}${remove}`,
    ExpressionAttributeNames: Object.fromEntries(all.map(([name]) => [`#${name}`, name])),
    ExpressionAttributeValues: marshall(Object.fromEntries(set.map(([name, value]) => [`:${name}`, value]))),
  };
}
