/** Opens the table. The client is built once and kept for the life of the process. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Store } from '../ipam/store.ts';
import type { World } from '../ipam/world.ts';
import type { Retries } from './retry.ts';
import { dynamoStore } from './store.ts';
import { Table } from './table.ts';

/** ms. A healthy table answers in a few ms; a lost connection is detected while there is time for another attempt. */
const CONNECTION_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 1_500;

const ID_WIDTH = 12;

/** Of every client. The retries are ours. */
export const clientSettings = {
  maxAttempts: 1,
  requestHandler: {
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Without this, the SDK only logs a warning for a request that takes too long.
    throwOnRequestTimeout: true,
  },
} as const;

/** Region, credentials and endpoint come from the environment, as the AWS SDK reads it. */
export const openClient = (): DynamoDBClient => new DynamoDBClient(clientSettings);

export const openStore = (tableName: string, world: World): Store => storeOver(openClient(), tableName, world);

export const storeOver = (client: DynamoDBClient, tableName: string, world: World): Store =>
  dynamoStore(tableOver(client, tableName, world), () => world.random(ID_WIDTH));

export const tableOver = (client: DynamoDBClient, tableName: string, world: World): Table =>
  new Table(client, tableName, retriesOf(world));

export const retriesOf = (world: World): Retries => ({
  pause: (milliseconds) => world.pause(milliseconds),
  random: () => parseInt(world.random(8), 36) / 36 ** 8,
  now: () => world.now(),
});
