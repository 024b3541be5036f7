/** The size of a table as DynamoDB bills it: names and values of all items, and a hundred bytes for each item. */
import { type AttributeValue, ScanCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Setting } from './setting.ts';

type Item = Readonly<Record<string, unknown>>;

/** The overhead of an item, and of an entry of an index. */
const ITEM_OVERHEAD_BYTES = 100;
/** The attributes of an item in the index byHost (infra/table.json). */
const INDEXED = ['pk', 'sk', 'host', 'requestKey'] as const;

export async function tableBytes({ client, table }: Pick<Setting, 'client' | 'table'>): Promise<number> {
  let bytes = 0;
  let from: Record<string, AttributeValue> | undefined;
  do {
    const page = await client.send(new ScanCommand({ TableName: table, ExclusiveStartKey: from }));
    for (const item of (page.Items ?? []).map((one) => unmarshall(one))) bytes += itemBytes(item) + indexBytes(item);
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return bytes;
}

const itemBytes = (item: Item): number => ITEM_OVERHEAD_BYTES + attributesBytes(item);

function indexBytes(item: Item): number {
  const entry = Object.fromEntries(INDEXED.map((name) => [name, item[name]]));
  return Object.values(entry).includes(undefined) ? 0 : itemBytes(entry);
}

const attributesBytes = (attributes: object): number =>
  Object.entries(attributes).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value), 0);

/** Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats". */
function valueBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'number') return Math.ceil(String(value).length / 2) + 1;
  if (Array.isArray(value)) return value.reduce<number>((sum, one) => sum + 1 + valueBytes(one), 3);
  if (typeof value === 'object' && value !== null) return 3 + Object.keys(value).length + attributesBytes(value);
  return 1;
}
