/**
 * Makes one table what another is, item by item: how a table that was restored to a moment, which is a new one, gets back
 * into the one that the stack has. Nobody else may write either meanwhile.
 *
 * The key that PoolIDs are sealed with is left as it is: functions hold it in memory, and what was given out since the
 * moment of the restore is sealed with it. Only a table without one gets that of the other.
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
  /** Else the difference is only told. */
  readonly isWritten: boolean;
}

export interface Difference {
  /** Items that are missing in the table, or are others there. */
  readonly put: number;
  /** Items that the other table has not. */
  readonly deleted: number;
  readonly equal: number;
}

/** What one batch may hold. */
const BATCH = 25;
/** ms after which what a batch left out is tried again, for the first time; then twice as long, and so on. */
const PAUSE = 50;
const MAX_TRIES = 10;

/** @throws Error of the SDK when a table is not there or may not be read or written; safe to repeat. */
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
  if (pk === undefined || sk === undefined) throw new Error('an item without pk and sk: this is no table of Berth');
  return { pk, sk };
};

const isSealKey = ({ pk }: Item): boolean => pk?.S === sealKey.pk;

/** Whatever the order in which attributes come. */
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
      if (waiting.length === BATCH) await flush();
    },
    end: flush,
  };
}

/** A batch may be carried out in part where the table is throttled. */
async function writeAll(client: DynamoDBClient, table: string, batch: WriteRequest[]): Promise<void> {
  let left = batch;
  for (let tries = 0; left.length > 0; tries++) {
    if (tries === MAX_TRIES) throw new Error(`${table} takes no more writes: it is throttled; run this again`);
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE * 2 ** tries));
    const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: left } }));
    left = UnprocessedItems?.[table] ?? [];
  }
}
