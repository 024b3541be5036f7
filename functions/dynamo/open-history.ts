/** Opens history's own table. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { HistoryStore } from '../ipam/history/store.ts';
import type { World } from '../ipam/world.ts';
import { historyStore } from './history.ts';
import { clientSettings, retriesOf } from './open.ts';
import { Table } from './table.ts';

const DAY_MS = 86_400_000;

/** @param keptDays how long answers are kept. */
export const openHistory = (tableName: string, keptDays: number, world: World): HistoryStore =>
  historyStore(new Table(new DynamoDBClient(clientSettings), tableName, retriesOf(world)), keptDays * DAY_MS);
