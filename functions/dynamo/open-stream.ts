/** Opens the stream of the table's changes. Apart from the tables: only one function needs its client. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { ChangeStream } from '../ipam/history/store.ts';
import type { World } from '../ipam/world.ts';
import { changeStream } from './change-stream.ts';
import { clientSettings, retriesOf } from './open.ts';

export const openChangeStream = (tableName: string, world: World): ChangeStream =>
  changeStream(
    { table: new DynamoDBClient(clientSettings), stream: new DynamoDBStreamsClient(clientSettings) },
    tableName,
    retriesOf(world),
  );
