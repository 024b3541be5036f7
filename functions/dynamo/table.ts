/**
 * One DynamoDB table, as the store sees it: strongly consistent reads and conditional writes of single items. This is the
 * only place that retries, and the only one that handles failed conditions.
 */
import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  type AttributeValue,
  DeleteItemCommand,
  type DeleteItemCommandInput,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  QueryCommand,
  type QueryCommandInput,
  ScanCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { inTurn } from './in-turn.ts';
import { type Retries, withRetries } from './retry.ts';

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** An item as plain values, for a schema to parse. */
export type Item = Readonly<Record<string, unknown>>;

/**
 * A write that succeeded, or one whose condition failed, with the existing item (`undefined`: none).
 * `attempts` above 1 means that an earlier attempt may have landed.
 */
export type WriteResult =
  { readonly done: true } | { readonly done: false; readonly standing: Item | undefined; readonly attempts: number };

type Write<Input> = Omit<Input, 'TableName' | 'ReturnValuesOnConditionCheckFailure' | 'Key'>;

/** The most keys that one request names (Amazon DynamoDB API Reference, BatchGetItem). */
export const MAX_BATCH = 100;

/**
 * The most requests that are under way at once: as many as the SDK opens connections. A request that waited for a connection
 * would already use up its own time-out.
 */
export const MAX_REQUESTS_AT_ONCE = 50;

export class Table {
  readonly #client: DynamoDBClient;
  readonly #name: string;
  readonly #retries: Retries;
  readonly #inTurn = inTurn(MAX_REQUESTS_AT_ONCE);

  constructor(client: DynamoDBClient, name: string, retries: Retries) {
    this.#client = client;
    this.#name = name;
    this.#retries = retries;
  }

  async get(key: Key): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: this.#name, Key: marshallKey(key), ConsistentRead: true });
    const { Item: item } = await this.#read(() => this.#client.send(command));
    return item && unmarshall(item);
  }

  /** The items of up to `MAX_BATCH` keys, as far as they exist, in any order. Each is read consistently, not all at once. */
  async getAll(keys: readonly Key[]): Promise<Item[]> {
    const items: Item[] = [];
    let left: Record<string, AttributeValue>[] | undefined = keys.map(marshallKey);
    while (left !== undefined && left.length > 0) {
      const command: BatchGetItemCommand = new BatchGetItemCommand({
        RequestItems: { [this.#name]: { Keys: left, ConsistentRead: true } },
      });
      const { Responses, UnprocessedKeys } = await this.#read(() => this.#client.send(command));
      items.push(...(Responses?.[this.#name] ?? []).map((item) => unmarshall(item)));
      // DynamoDB returns at least one item, or fails.
      left = UnprocessedKeys?.[this.#name]?.Keys;
    }
    return items;
  }

  /** One page. `after` is the key of the last item of the previous page; for an index, with the index's own key. */
  async query(
    input: Omit<QueryCommandInput, 'TableName' | 'ConsistentRead'>,
    after: (Key & { readonly host?: string; readonly requestKey?: string }) | undefined,
  ): Promise<{ items: Item[]; more: boolean }> {
    const command = new QueryCommand({
      ...input,
      TableName: this.#name,
      // An index does not support consistent reads.
      ConsistentRead: input.IndexName === undefined,
      ...(after && { ExclusiveStartKey: marshall(after) }),
    });
    const { Items: items = [], LastEvaluatedKey: last } = await this.#read(() => this.#client.send(command));
    return { items: items.map((item) => unmarshall(item)), more: last !== undefined };
  }

  /** One page of all items. `last` is the key of the last of them, if there may be more. */
  async scan(after: Key | undefined, limit: number): Promise<{ items: Item[]; last: Item | undefined }> {
    const command = new ScanCommand({
      TableName: this.#name,
      ConsistentRead: true,
      Limit: limit,
      ...(after && { ExclusiveStartKey: marshallKey(after) }),
    });
    const { Items: items = [], LastEvaluatedKey: last } = await this.#read(() => this.#client.send(command));
    return { items: items.map((item) => unmarshall(item)), last: last && unmarshall(last) };
  }

  /** Each attempt builds its write again, so that an attempt can carry its own identity. */
  put(build: () => Write<PutItemCommandInput>): Promise<WriteResult> {
    return this.#write(() => this.#client.send(new PutItemCommand({ ...build(), ...this.#condition() })));
  }

  update(key: Key, build: () => Write<UpdateItemCommandInput>): Promise<WriteResult> {
    return this.#write(() =>
      this.#client.send(new UpdateItemCommand({ ...build(), Key: marshallKey(key), ...this.#condition() })),
    );
  }

  delete(key: Key, build: () => Write<DeleteItemCommandInput>): Promise<WriteResult> {
    return this.#write(() =>
      this.#client.send(new DeleteItemCommand({ ...build(), Key: marshallKey(key), ...this.#condition() })),
    );
  }

  #read<T>(send: () => Promise<T>): Promise<T> {
    return withRetries(this.#retries, () => this.#inTurn(send));
  }

  /** The failure of a condition returns the item that made it fail, at no cost. */
  #condition() {
    return { TableName: this.#name, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
  }

  async #write(send: () => Promise<unknown>): Promise<WriteResult> {
    let attempts = 0;
    return withRetries(this.#retries, async (): Promise<WriteResult> => {
      attempts++;
      try {
        await this.#inTurn(send);
        return { done: true };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        return { done: false, standing: error.Item && unmarshall(error.Item), attempts };
      }
    });
  }
}

const marshallKey = ({ pk, sk }: Key): Record<string, AttributeValue> => ({ pk: { S: pk }, sk: { S: sk } });
