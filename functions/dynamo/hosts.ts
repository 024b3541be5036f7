/** Hosts: every write is conditional on the exact `rev` that was seen, and sets a new one. */
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Host } from '../ipam/host.ts';
import type { Store } from '../ipam/store.ts';
import { decodeHost, encodeHost, hostIdOf } from './host-items.ts';
import { readable } from './items.ts';
import { hostKey, hostPartition } from './keys.ts';
import type { Table } from './table.ts';

type HostStore = Pick<Store, 'readHost' | 'writeHost' | 'removeHost' | 'hostsOfShard'>;

export const hosts = (table: Table, freshId: () => string): HostStore => ({
  async readHost(id) {
    const item = await table.get(hostKey(id));
    return item && decodeHost(item);
  },

  async writeHost(next, seen) {
    let written: Host = { ...next, rev: '' };
    const ours = new Set<string>();
    const result = await table.update(hostKey(next.id), () => {
      written = { ...written, rev: freshId() };
      ours.add(written.rev);
      const { ConditionExpression, values } = conditionOf(seen);
      const { ExpressionAttributeValues, ...update } = setting(encodeHost(written));
      return {
        ...update,
        ConditionExpression,
        ExpressionAttributeValues: { ...ExpressionAttributeValues, ...values },
      };
    });
    if (result.done) return written;
    const standing = result.standing && decodeHost(result.standing);
    return standing !== undefined && ours.has(standing.rev) ? standing : undefined;
  },

  async removeHost(seen) {
    const { ConditionExpression, values: ExpressionAttributeValues } = conditionOf(seen);
    const result = await table.delete(hostKey(seen.id), () => ({ ConditionExpression, ExpressionAttributeValues }));
    // If it is gone after an attempt that was not answered, it is removed, whichever call removed it.
    return result.done || (result.standing === undefined && result.attempts > 1);
  },

  async hostsOfShard(shard, after) {
    const page = await table.query(
      { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': { S: hostPartition(shard) } } },
      after === undefined ? undefined : hostKey(after),
    );
    const last = page.items.at(-1);
    return { ...readable(page.items, decodeHost), more: page.more, last: last && hostIdOf(last) };
  },
});

const conditionOf = (seen: Host | undefined) =>
  seen === undefined
    ? { ConditionExpression: 'attribute_not_exists(pk)', values: {} }
    : { ConditionExpression: 'rev = :seen', values: { ':seen': { S: seen.rev } } };

/** Sets these attributes, and leaves those unchanged that this version of the code does not know. */
function setting(attributes: Readonly<Record<string, unknown>>) {
  const names = Object.keys(attributes);
  return {
    UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: marshall(
      Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`:${name}`, value])),
    ),
  };
}
