/**
 * Preloaded (`node --import`) into a process of the embedded cloud: records what each function requests from the table, in the
 * file that BERTH_RECORD names. A request at a function's socket belongs to that function. Two functions are called without a
 * socket: what goes to history's own table belongs to history, and all else to the sweep.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { appendFileSync } from 'node:fs';
import { Server } from 'node:http';
import path from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import type { TableRequest } from './policy.ts';

const file = process.env['BERTH_RECORD'];
const functions = new AsyncLocalStorage<string>();

const isServer = (value: unknown): value is Server => value instanceof Server;

/** `…/pools.sock` is the function `pools`. */
function nameOf(server: Server): string {
  const address = server.address();
  return typeof address === 'string' ? path.basename(address, '.sock') : 'none';
}

const key = v.object({ S: v.string() });
const keys = v.object({ pk: key });
const request = v.object({
  TableName: v.optional(v.string()),
  IndexName: v.optional(v.string()),
  Key: v.optional(keys),
  Item: v.optional(keys),
  RequestItems: v.optional(v.record(v.string(), v.object({ Keys: v.tupleWithRest([keys], keys) })), {}),
  ExpressionAttributeValues: v.optional(v.object({ ':pk': v.optional(key) })),
});

const ofItems =
  /^((?:Get|Put|Update|Delete|BatchGet|BatchWrite|Transact\w+)Items?|Query|Scan|DescribeTable|DescribeStream|GetRecords|GetShardIterator)Command$/;
const OF_STREAM = ['DescribeStream', 'GetRecords', 'GetShardIterator'];

/** @returns `undefined` for a command without items. */
export function requestOf(command: string, input: unknown): TableRequest | undefined {
  const action = ofItems.exec(command)?.[1];
  if (action === undefined) return undefined;
  const {
    TableName,
    IndexName: index,
    Key,
    Item,
    RequestItems,
    ExpressionAttributeValues: values,
  } = v.parse(request, input);
  const [batch] = Object.values(RequestItems);
  const leadingKey = (Key ?? Item ?? batch?.Keys[0])?.pk.S ?? values?.[':pk']?.S;
  const isHistory = TableName?.endsWith('-history') === true;
  const elsewhere = OF_STREAM.includes(action) ? 'stream' : isHistory ? 'history' : undefined;
  const caller = functions.getStore() ?? (elsewhere === undefined ? 'sweep' : 'history');
  return { function: caller, action: `dynamodb:${action}`, elsewhere, index, leadingKey };
}

/** Wraps a method: calls the original, with additions around it. */
type Around = (next: () => unknown, self: unknown, args: readonly unknown[]) => unknown;

function wrap(prototype: object, name: string, around: Around): void {
  const method: unknown = Reflect.get(prototype, name);
  if (typeof method !== 'function') throw new Error(`there is no ${name}`);
  Reflect.set(prototype, name, function wrapped(this: unknown, ...args: unknown[]): unknown {
    return around(() => Reflect.apply(method, this, args), this, args);
  });
}

if (file !== undefined && process.argv[1]?.endsWith('/infra/local/cloud.ts') === true) {
  wrap(Server.prototype, 'emit', (next, self, [event]) =>
    event === 'request' && isServer(self) ? functions.run(nameOf(self), next) : next(),
  );
  wrap(DynamoDBClient.prototype, 'send', (next, _self, [command]) => {
    if (!(command instanceof Object) || !('input' in command)) return next();
    const noted = requestOf(command.constructor.name, command.input);
    // The embedded cloud itself asks how its table is, too.
    if (noted !== undefined && noted.action !== 'dynamodb:DescribeTable')
      appendFileSync(file, `${JSON.stringify(noted)}\n`);
    return next();
  });
}
