/** Puts items into the table of a local cloud, unchanged. */
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { LocalCloud } from '../../support/local-cloud.ts';

export async function fill({ environment }: LocalCloud, items: readonly object[]): Promise<void> {
  const { AWS_ENDPOINT_URL_DYNAMODB: endpoint = '', BERTH_TABLE: TableName } = environment;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDBClient({ endpoint, region: 'local', credentials });
  for (const item of items) await client.send(new PutItemCommand({ TableName, Item: marshall(item) }));
  client.destroy();
}
