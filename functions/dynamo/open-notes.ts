/** Opens the table with the notes in it, for the functions that write or show them. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Notes } from '../ipam/notes.ts';
import type { Store } from '../ipam/store.ts';
import type { World } from '../ipam/world.ts';
import { notes } from './notes.ts';
import { openClient, storeOver, tableOver } from './open.ts';

export function openWithNotes(tableName: string, world: World): { store: Store; notes: Notes } {
  const client = openClient();
  return { store: storeOver(client, tableName, world), notes: notesOver(client, tableName, world) };
}

export const notesOver = (client: DynamoDBClient, tableName: string, world: World): Notes =>
  notes(tableOver(client, tableName, world));
