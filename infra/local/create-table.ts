/** Creates the table as the deployment would, from the same description. */
import { CreateTableCommand, type DynamoDBClient, ResourceInUseException } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import resource from '../table.json' with { type: 'json' };

const keySchema = v.array(v.object({ AttributeName: v.string(), KeyType: v.picklist(['HASH', 'RANGE']) }));

const properties = v.object({
  BillingMode: v.literal('PAY_PER_REQUEST'),
  AttributeDefinitions: v.array(v.object({ AttributeName: v.string(), AttributeType: v.picklist(['S', 'N', 'B']) })),
  KeySchema: keySchema,
  GlobalSecondaryIndexes: v.array(
    v.object({
      IndexName: v.string(),
      KeySchema: keySchema,
      Projection: v.object({ ProjectionType: v.picklist(['ALL', 'INCLUDE', 'KEYS_ONLY']) }),
    }),
  ),
});

/** Does nothing if the table exists. */
export async function createTable(client: DynamoDBClient, name: string): Promise<void> {
  try {
    await client.send(new CreateTableCommand({ TableName: name, ...v.parse(properties, resource.Properties) }));
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
}
