/** Opens the table. The client is built once and kept for the life of the process. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Notes } from '../ipam/notes.ts';
import type { Store } from '../ipam/store.ts';
import type { World } from '../ipam/world.ts';
import { notes } from './notes.ts';
import { dynamoStore } from './store.ts';
import { Table } from './table.ts';

/** ms. A healthy table answers in a few ms; a lost connection is detected while there is time for another attempt. */
const CONNECTION_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 1_500;

const ID_WIDTH = 12;

/** Region, credentials and endpoint come from the environment, as the AWS SDK reads it. */
const openClient = (): DynamoDBClient =>
  new DynamoDBClient({
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // Without this, the SDK only logs a warning for a request that takes too long.
      throwOnRequestTimeout: true,
    },
  });

export const openStore = (tableName: string, world: World): Store => storeOver(openClient(), tableName, world);

/** The table, and the notes in it. */
export function openWithNotes(tableName: string, world: World): { store: Store; notes: Notes } {
  const client = openClient();
  return { store: storeOver(client, tableName, world), notes: notesOver(client, tableName, world) };
}

export const storeOver = (client: DynamoDBClient, tableName: string, world: World): Store =>
  dynamoStore(tableOver(client, tableName, world), () => world.random(ID_WIDTH));

export const notesOver = (client: DynamoDBClient, tableName: string, world: World): Notes =>
  notes(tableOver(client, tableName, world));

function tableOver(client: DynamoDBClient, tableName: string, world: World): Table {
  const random = (): number => parseInt(world.random(8), 36) / 36 ** 8;
  const pause = (milliseconds: number): Promise<void> => world.pause(milliseconds);
  return new Table(client, tableName, { pause, random, now: () => world.now() });
}
