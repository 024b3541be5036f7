/** Opens the table as a check reads it. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { TableView } from '../ipam/table-view.ts';
import type { World } from '../ipam/world.ts';
import { openClient, storeOver, tableOver } from './open.ts';
import { tableView } from './table-view.ts';

export const openTableView = (tableName: string, world: World): TableView => viewOver(openClient(), tableName, world);

export const viewOver = (client: DynamoDBClient, tableName: string, world: World): TableView => ({
  ...storeOver(client, tableName, world),
  ...tableView(tableOver(client, tableName, world)),
});
