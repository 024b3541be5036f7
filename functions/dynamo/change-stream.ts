/** The stream of the table: every change of an item, with the item before and after it, for a day. */
import { type AttributeValue, DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  ExpiredIteratorException,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ResourceNotFoundException,
  TrimmedDataAccessException,
  type _Record,
} from '@aws-sdk/client-dynamodb-streams';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Moment, TableChange } from '../ipam/history/entry.ts';
import type { ChangeStream, Shard } from '../ipam/history/store.ts';
import { decodeHost } from './host-items.ts';
import { decodeChunk, decodePool, decodeRef } from './items.ts';
import { chunkGeneration } from './keys.ts';
import { type Retries, withRetries } from './retry.ts';

export interface StreamClients {
  readonly table: DynamoDBClient;
  readonly stream: DynamoDBStreamsClient;
}

export function changeStream(clients: StreamClients, tableName: string, retries: Retries): ChangeStream {
  const trying = <T>(operation: () => Promise<T>): Promise<T> => withRetries(retries, operation);
  return {
    async describe() {
      const { Table: table } = await trying(() =>
        clients.table.send(new DescribeTableCommand({ TableName: tableName })),
      );
      const name = table?.StreamSpecification?.StreamEnabled === true ? table.LatestStreamArn : undefined;
      return name === undefined ? undefined : { name, shards: await trying(() => shardsOf(clients.stream, name)) };
    },

    begin: (StreamArn, ShardId, after) =>
      unlessRemoved(async () => {
        const from =
          after === undefined
            ? ({ ShardIteratorType: 'TRIM_HORIZON' } as const)
            : ({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: after } as const);
        const command = new GetShardIteratorCommand({ StreamArn, ShardId, ...from });
        return (await trying(() => clients.stream.send(command))).ShardIterator;
      }),

    read: (place) =>
      unlessRemoved(async () => {
        const command = new GetRecordsCommand({ ShardIterator: place });
        const { Records = [], NextShardIterator: next } = await trying(() => clients.stream.send(command));
        return { changes: Records.map(changeOf), next, last: Records.at(-1)?.dynamodb?.SequenceNumber };
      }),
  };
}

/** `undefined`: the stream no longer holds what was asked for. */
async function unlessRemoved<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const isRemoved = error instanceof TrimmedDataAccessException || error instanceof ResourceNotFoundException;
    if (isRemoved || error instanceof ExpiredIteratorException) return undefined;
    throw error;
  }
}

async function shardsOf(client: DynamoDBStreamsClient, name: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let after: string | undefined;
  do {
    const command = new DescribeStreamCommand({
      StreamArn: name,
      ...(after !== undefined && { ExclusiveStartShardId: after }),
    });
    const { StreamDescription: page } = await client.send(command);
    for (const { ShardId: id, ParentShardId: parent } of page?.Shards ?? []) {
      if (id !== undefined) shards.push({ id, parent });
    }
    after = page?.LastEvaluatedShardId;
  } while (after !== undefined);
  return shards;
}

type Image = Record<string, AttributeValue> | undefined;

/** One record as the rules see it. A record that cannot be read is one, too: what it said is lost. */
export function changeOf({ dynamodb }: _Record): TableChange {
  const second = Math.floor((dynamodb?.ApproximateCreationDateTime?.getTime() ?? 0) / 1_000);
  const moment: Moment = { second, sequence: BigInt(dynamodb?.SequenceNumber ?? 0) };
  const [keys, before, after] = [dynamodb?.Keys, dynamodb?.OldImage, dynamodb?.NewImage].map(plain);
  const pk = textOf(keys, 'pk');
  const sk = textOf(keys, 'sk');
  const images = <T>(decode: (item: unknown) => T) => ({
    before: before && decode(before),
    after: after && decode(after),
  });
  try {
    if (sk.startsWith('pool#')) return { ...moment, kind: 'pool', ...images(decodePool) };
    if (sk.startsWith('ref#')) return { ...moment, kind: 'ref', ...images(decodeRef) };
    if (sk.startsWith('host#')) return { ...moment, kind: 'host', ...images(decodeHost) };
    if (!sk.startsWith('chunk#')) return { ...moment, kind: 'other' };
    return { ...moment, kind: 'chunk', generation: chunkGeneration({ pk, sk }), ...images(decodeChunk) };
  } catch (error) {
    return { ...moment, kind: 'unreadable', why: error instanceof Error ? error.message : String(error) };
  }
}

/** DynamoDB Local's stream gives an empty list, an empty map and NULL no type; then the item is read as without them. */
const plain = (image: Image): Record<string, unknown> | undefined =>
  image && unmarshall(Object.fromEntries(Object.entries(image).filter(([, value]) => Object.keys(value).length > 0)));

const textOf = (item: Record<string, unknown> | undefined, name: string): string => {
  const value = item?.[name];
  return typeof value === 'string' ? value : '';
};
