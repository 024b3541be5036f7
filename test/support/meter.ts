/**
 * Counts what operations on the table cost: requests, round trips, and capacity units as DynamoDB bills them.
 *
 * The units are those that the engine reports (ConsumedCapacity, indexes included). A write whose condition fails reports
 * none, but is billed all the same: by the size of the existing item, at least one unit
 * (docs.aws.amazon.com/amazondynamodb, "Working with items", conditional writes).
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  type ServiceInputTypes,
} from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';

export interface Cost {
  readonly requests: number;
  /** The longest chain of requests that had to wait for one another, which is what a caller waits for. */
  readonly roundTrips: number;
  readonly writeUnits: number;
  readonly readUnits: number;
  /** Writes whose condition failed. */
  readonly lost: number;
}

class Account {
  requests = 0;
  roundTrips = 0;
  writeUnits = 0;
  readUnits = 0;
  lost = 0;
  /** The depth of the deepest request that has ended. */
  #ended = 0;

  /** A request comes after all requests that have ended. @returns ends it. */
  begin(): () => void {
    const depth = this.#ended + 1;
    this.requests++;
    this.roundTrips = Math.max(this.roundTrips, depth);
    return () => {
      this.#ended = Math.max(this.#ended, depth);
    };
  }

  get cost(): Cost {
    const { requests, roundTrips, writeUnits, readUnits, lost } = this;
    return { requests, roundTrips, writeUnits, readUnits, lost };
  }
}

export interface Meter {
  /** Runs an operation and counts only its requests to the table. */
  readonly measure: <T>(
    operation: () => Promise<T>,
  ) => Promise<{ readonly outcome: PromiseSettledResult<T>; readonly cost: Cost }>;
}

const READS = new Set(['GetItemCommand', 'QueryCommand', 'ScanCommand', 'BatchGetItemCommand']);
const capacity = v.object({ CapacityUnits: v.number() });
/** A batch reports each table by itself; there is one. */
const Capacity = v.object({ ConsumedCapacity: v.union([capacity, v.tuple([capacity])]) });

/** @param client reports capacity from now on. */
export function meter(client: DynamoDBClient): Meter {
  const accounts = new AsyncLocalStorage<Account>();
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const account = accounts.getStore();
      if (account === undefined) return next(args);
      const end = account.begin();
      try {
        const input: ServiceInputTypes = { ...args.input, ReturnConsumedCapacity: 'INDEXES' };
        const result = await next({ ...args, input });
        const { ConsumedCapacity: consumed } = v.parse(Capacity, result.output);
        const { CapacityUnits: units } = Array.isArray(consumed) ? consumed[0] : consumed;
        if (READS.has(context.commandName ?? '')) account.readUnits += units;
        else account.writeUnits += units;
        return result;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) {
          account.lost++;
          account.writeUnits += writeUnits(error.Item ?? {});
        }
        throw error;
      } finally {
        end();
      }
    },
    { step: 'initialize', name: 'meter' },
  );
  return {
    measure: async (operation) => {
      const account = new Account();
      const [outcome] = await accounts.run(account, () => Promise.allSettled([operation()]));
      return { outcome, cost: account.cost };
    },
  };
}

/** One unit for each started KB (docs.aws.amazon.com/amazondynamodb, "Item sizes and formats"). */
export const writeUnits = (item: Readonly<Record<string, AttributeValue>>): number =>
  Math.max(1, Math.ceil(itemSize(item) / 1_024));

/** Bytes of an item of strings, numbers and booleans: its names and its values. */
export const itemSize = (item: Readonly<Record<string, AttributeValue>>): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueSize(value), 0);

function valueSize(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  // One byte for two digits, and one more.
  if (value.N !== undefined) return Math.ceil(value.N.length / 2) + 1;
  if (value.BOOL !== undefined) return 1;
  throw new Error(`the size of ${JSON.stringify(value)} is not known here`);
}
