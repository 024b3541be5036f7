/** The table as a check reads it: all of its items, and the names of a space. */
import * as v from 'valibot';
import type { Item as TableItem, NamedPool, TableView } from '../ipam/table-view.ts';
import { UnreadableItem } from '../ipam/unreadable.ts';
import { decodeFound, decodeHost, decodeName, decodeSpace, decodeSweep, readable } from './items.ts';
import { isNote, nameKey, spaceKey } from './keys.ts';
import type { Table } from './table.ts';

/** Of an item: as long as DynamoDB lets keys be. */
const position = v.pipe(
  v.string(),
  v.parseJson(),
  v.strictObject({
    pk: v.pipe(v.string(), v.nonEmpty(), v.maxBytes(2_048)),
    sk: v.pipe(v.string(), v.nonEmpty(), v.maxBytes(1_024)),
  }),
);
const key = v.object({ pk: v.string(), sk: v.string() });

/** Sorts before every name of a space, and after it. */
const NAMES = ['name#', 'name#~'] as const;

export const tableView = (table: Table): Pick<TableView, 'readItems' | 'isPlace' | 'namesOf'> => ({
  async readItems(from, limit) {
    const { items, last } = await table.scan(from === undefined ? undefined : v.parse(position, from), limit);
    const read = readable(items, decodeItem);
    return { items: read.items, unreadable: read.unreadable, next: last && JSON.stringify(last) };
  },

  isPlace: (text) => v.is(position, text),

  async *namesOf(space) {
    let more = true;
    let after: NamedPool | undefined;
    while (more) {
      const page = await table.query(
        {
          KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
          ExpressionAttributeValues: {
            ':pk': { S: spaceKey(space).pk },
            ':from': { S: NAMES[0] },
            ':to': { S: NAMES[1] },
          },
        },
        after && nameKey(space, after.cidr.family, after.name),
      );
      const names = readable(page.items, decodeNamed).items;
      yield names;
      after = names.at(-1);
      more = page.more && after !== undefined;
    }
  },
});

/** The key of the seals is left alone: no message may contain a part of it. */
function decodeItem(item: unknown): TableItem {
  const { pk, sk } = v.parse(key, item);
  if (sk.startsWith('host#')) return { kind: 'host', host: decodeHost(item) };
  if (sk.startsWith('name#')) return { kind: 'name', name: decodeNamed(item) };
  if (pk === 'sweep') return { kind: 'sweep', cursor: decodeSweep(item) };
  if (isNote({ pk, sk })) return { kind: 'other' };
  if (sk === 'config') decodeSpace(item);
  if (sk === 'term' || pk === 'home' || pk === 'key' || sk === 'config') return { kind: 'other' };
  const found = decodeFound(item);
  if (found !== undefined) return found;
  throw new UnreadableItem(`${pk} ${sk}`, 'not an item of any kind');
}

function decodeNamed(item: unknown): NamedPool {
  const { pk, sk } = v.parse(key, item);
  const { cidr, generation } = decodeName(item);
  return { space: pk.slice('space#'.length), name: sk.slice('name#4#'.length), cidr, generation };
}
