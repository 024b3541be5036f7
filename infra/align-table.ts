/**
 * Makes one table equal to another, item by item. A point-in-time restore creates a new table, and this copies it back
 * into the table of the stack. Nothing else may write to either table during that.
 *
 * The key that PoolIDs are sealed with stays as it is: functions hold it in memory, and PoolIDs that were issued after the
 * restored point in time are sealed with it. A table without a key gets that of the other.
 */
import { createHash } from 'node:crypto';
import {
  type AttributeValue,
  BatchWriteItemCommand,
  type DynamoDBClient,
  ScanCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { sealKey } from '../functions/dynamo/keys.ts';

type Item = Record<string, AttributeValue>;

export interface Alignment {
  readonly from: string;
  readonly to: string;
  /** `false`: the difference is only reported. */
  readonly isWritten: boolean;
}

export interface Difference {
  /** Items that are missing in the table, or differ there. */
  readonly put: number;
  /** Items that the other table does not have. */
  readonly deleted: number;
  readonly equal: number;
}

/** The most items that one batch may hold. */
const MAX_BATCH_ITEMS = 25;
/** The base of the pauses, in ms, before what a batch left out is tried again; each is twice as long as the one before. */
const FIRST_PAUSE_MS = 50;
const MAX_TRIES = 10;

/** @throws Error of the SDK when a table does not exist or may not be read or written; safe to repeat. */
export async function alignTable(client: DynamoDBClient, { from, to, isWritten }: Alignment): Promise<Difference> {
  const standing = new Map<string, { readonly key: Item; readonly digest: string }>();
  let hasSealKey = false;
  for await (const item of itemsOf(client, to)) {
    const key = keyOf(item);
    if (isSealKey(key)) hasSealKey = true;
    else standing.set(canonical(key), { key, digest: digestOf(item) });
  }
  const write = writer(client, to, isWritten);
  let [put, equal] = [0, 0];
  for await (const item of itemsOf(client, from)) {
    const key = keyOf(item);
    if (isSealKey(key) && hasSealKey) continue;
    const name = canonical(key);
    if (standing.get(name)?.digest === digestOf(item)) equal++;
    else {
      put++;
      await write.add({ PutRequest: { Item: item } });
    }
    standing.delete(name);
  }
  for (const { key } of standing.values()) await write.add({ DeleteRequest: { Key: key } });
  await write.end();
  return { put, deleted: standing.size, equal };
}

async function* itemsOf(client: DynamoDBClient, table: string): AsyncGenerator<Item> {
  let from: Item | undefined;
  do {
    const page = await client.send(
      new ScanCommand({ TableName: table, ConsistentRead: true, ExclusiveStartKey: from }),
    );
    yield* page.Items ?? [];
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
}

const keyOf = ({ pk, sk }: Item): Item => {
  if (pk === undefined || sk === undefined) throw new Error('an item has no pk or no sk: this is not a table of Berth');
  return { pk, sk };
};

const isSealKey = ({ pk }: Item): boolean => pk?.S === sealKey.pk;

/** The same text whatever the order of the attributes. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

const digestOf = (item: Item): string => createHash('sha256').update(canonical(item)).digest('base64');

function writer(client: DynamoDBClient, table: string, isWritten: boolean) {
  let waiting: WriteRequest[] = [];
  const flush = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    if (isWritten && batch.length > 0) await writeAll(client, table, batch);
  };
  return {
    async add(request: WriteRequest): Promise<void> {
      waiting.push(request);
      if (waiting.length === MAX_BATCH_ITEMS) await flush();
    },
    end: flush,
  };
}

/** A batch may be written only in part if the table is throttled. */
async function writeAll(client: DynamoDBClient, table: string, batch: WriteRequest[]): Promise<void> {
  let left = batch;
  for (let tries = 0; left.length > 0; tries++) {
    if (tries === MAX_TRIES) throw new Error(`${table} accepts no more writes: it is throttled; run this again`);
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** tries));
    const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: left } }));
    left = UnprocessedItems?.[table] ?? [];
  }
}
