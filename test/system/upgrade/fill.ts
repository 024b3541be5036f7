/** Puts items into the table of a local cloud, unchanged. */
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { LocalCloud } from '../../support/local-cloud.ts';

export async function fill({ client, environment }: LocalCloud, items: readonly object[]): Promise<void> {
  const TableName = environment['BERTH_TABLE'];
  for (const item of items) await client.send(new PutItemCommand({ TableName, Item: marshall(item) }));
}
