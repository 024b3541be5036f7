/** Creates the table as the deployment would, from the same description. */
import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import historyResource from '../history-table.json' with { type: 'json' };
import resource from '../table.json' with { type: 'json' };

const keySchema = v.array(v.object({ AttributeName: v.string(), KeyType: v.picklist(['HASH', 'RANGE']) }));

const properties = v.object({
  BillingMode: v.literal('PAY_PER_REQUEST'),
  AttributeDefinitions: v.array(v.object({ AttributeName: v.string(), AttributeType: v.picklist(['S', 'N', 'B']) })),
  KeySchema: keySchema,
  GlobalSecondaryIndexes: v.exactOptional(
    v.array(
      v.object({
        IndexName: v.string(),
        KeySchema: keySchema,
        Projection: v.object({ ProjectionType: v.picklist(['ALL', 'INCLUDE', 'KEYS_ONLY']) }),
      }),
    ),
  ),
});

type Resource = Readonly<Record<'Properties', unknown>>;

/** Does nothing if the table exists. */
export const createTable = (client: DynamoDBClient, name: string): Promise<void> => create(client, name, resource);

/** Creates history's own table, and turns the stream on that it follows. Does nothing where that was done. */
export async function createHistoryTable(client: DynamoDBClient, name: string, followed: string): Promise<void> {
  await create(client, name, historyResource);
  const { Table: table } = await client.send(new DescribeTableCommand({ TableName: followed }));
  if (table?.StreamSpecification?.StreamEnabled === true) return;
  const StreamSpecification = { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' } as const;
  await client.send(new UpdateTableCommand({ TableName: followed, StreamSpecification }));
}

async function create(client: DynamoDBClient, name: string, { Properties }: Resource): Promise<void> {
  try {
    await client.send(new CreateTableCommand({ TableName: name, ...v.parse(properties, Properties) }));
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
}
