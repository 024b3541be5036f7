/** Everything that a table holds. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { itemsOf } from '../../../support/items.ts';

export interface Contents {
  /** Every item with every attribute, as a line of text. */
  readonly all: ReadonlySet<string>;
  /** Everything that is held: pools, names, references and their slots. */
  readonly held: ReadonlySet<string>;
}

const record = v.looseObject({ pk: v.string(), sk: v.string(), state: v.optional(v.string()) });
type Item = v.InferOutput<typeof record>;

export async function readContents(client: DynamoDBClient, table: string): Promise<Contents> {
  const items = (await itemsOf(client, table)).map((item) => v.parse(record, item));
  const live = new Set(items.filter(isLiveRef).map(({ pk }) => pk));
  return {
    all: new Set(items.map(asText)),
    held: new Set(items.flatMap((item) => whatItHolds(item, live)).map(asText)),
  };
}

/** The difference of two snapshots. */
export const difference = (before: ReadonlySet<string>, after: ReadonlySet<string>): object => ({
  gone: [...before].filter((line) => !after.has(line)),
  come: [...after].filter((line) => !before.has(line)),
});

export const SAME: object = { gone: [], come: [] };

/** The engine gives the attributes of items and maps in no order. */
const asText = (item: object): string => JSON.stringify(item, (_name, value: unknown) => inOrder(value));

const inOrder = (value: unknown): unknown =>
  value instanceof Object && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

const isLiveRef = ({ sk, state }: Item): boolean => sk.startsWith('ref#') && state !== 'gone';

/**
 * A valid request that conflicts with another host's pool or address leaves traces: an ended reference and its stamps, a
 * slot that was freed again, a new `rev`, an address that its reference lists but could not stamp, a note that another
 * machine has tried to be a host.
 *
 * @param live the partitions of references that have not ended.
 */
function whatItHolds(item: Item, live: ReadonlySet<string>): object[] {
  if (item.sk.startsWith('chunk#')) return takenSlots(item, live);
  if (item.sk.startsWith('ref#') && !isLiveRef(item)) return [];
  const { rev: _rev, kept: _kept, asked: _asked, rivalAt: _rivalAt, ...rest } = item;
  return [rest];
}

function takenSlots({ pk, sk, ...attributes }: Item, live: ReadonlySet<string>): object[] {
  if (!live.has(pk.slice(0, pk.lastIndexOf('#')))) return [];
  const slots = Object.entries(attributes).filter(([name]) => /^s[0-9a-f]$/.test(name));
  return slots.filter(([, value]) => /^[LR]/.test(String(value))).map(([slot, value]) => ({ pk, sk, slot, value }));
}
