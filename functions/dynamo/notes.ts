/** The notes about spaces: no rule reads them, so their writes are unconditional, and the last one counts. */
import { marshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { allSettledOrThrow, sideBySide } from '../ipam/all-settled.ts';
import { pages } from '../ipam/pages.ts';
import type { HourNote, Notes, SpaceNote } from '../ipam/notes.ts';
import { read, readable, spaceUse } from './items.ts';
import { NOTES, hourKey, hoursPartition, noteKey, noteSpaceOf } from './keys.ts';
import type { Item, Key, Table } from './table.ts';

export function notes(table: Table): Notes {
  const put = (key: Key, fields: object) => table.put(() => ({ Item: marshall({ ...key, ...fields }) }));
  const query = (pk: string, after?: Key) =>
    table.query({ KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': { S: pk } } }, after);
  const hourItems = async (space: string): Promise<Item[]> => {
    const items: Item[] = [];
    for await (const page of pages((last?: Item) => query(hoursPartition(space), last && keyOf(last)))) {
      items.push(...page.items);
    }
    return items;
  };
  return {
    async write(space, use, at, hour) {
      await allSettledOrThrow([put(noteKey(space), { ...use, at }), put(hourKey(space, hour), { ...use, at })]);
    },

    async add(space) {
      // What a walk has counted stays.
      await table.update(noteKey(space), () => ({
        UpdateExpression: 'SET configured = :yes',
        ExpressionAttributeValues: { ':yes': { BOOL: true } },
      }));
    },

    async list(after) {
      const page = await query(NOTES, after === undefined ? undefined : noteKey(after));
      return { ...page, items: readable(page.items, decodeNote).items };
    },

    hoursOf: async (space) => readable(await hourItems(space), decodeHour).items,

    async remove(space) {
      const hours = (await hourItems(space)).map(keyOf);
      await sideBySide([...hours, noteKey(space)], (key) => table.delete(key, () => ({})));
    },
  };
}

const key = v.object({ pk: v.string(), sk: v.string() });
const keyOf = (item: Item): Key => v.parse(key, item);

const noteItem = v.object({ ...key.entries, ...v.partial(spaceUse).entries, at: v.optional(v.number()) });

/** A space that a walk has noted, or that an operator has configured. */
function decodeNote(item: unknown): SpaceNote {
  const { sk, at, pools4 = 0, pools6 = 0, size4 = 0, held4 = 0, held6 = 0 } = read(noteItem, item);
  return { space: noteSpaceOf(sk), at, pools4, pools6, size4, held4, held6 };
}

function decodeHour(item: unknown): HourNote {
  const { pk: _, sk: _sk, ...hour } = read(v.object({ ...key.entries, ...spaceUse.entries, at: v.number() }), item);
  return hour;
}
