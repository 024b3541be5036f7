/**
 * History in a table of its own: the main table is walked as a whole each hour, and has no TTL. Each item is written once, and
 * DynamoDB deletes it after its time, at no cost. Its items:
 *
 *   cursor              cursor         how far the stream was read, and what is known
 *   epoch               EPOCH          a time in which all was known, once it has ended
 *   base#EPOCH          RUN#ATTEMPT    a walk over the table
 *   part#BASE#SHELF     PART           what it found
 *   log#SHELF           RUN#ATTEMPT    what changed
 */
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { marshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { formatCidr, parseCidr } from '../../protocol/address.ts';
import type { Entry } from '../ipam/history/entry.ts';
import type { Epoch, HistoryCursor, HistoryStore, Log } from '../ipam/history/store.ts';
import type { Item, Table } from './table.ts';

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

const DAY_MS = 86_400_000;
/** A question about a day needs the base before it, which is up to a week older. */
const BASE_AGE_MS = 8 * DAY_MS;

/** Fixed width, so that text order is the order of time. */
const NUMBER_WIDTH = 13;
const numberText = (number: number): string => String(Math.floor(number)).padStart(NUMBER_WIDTH, '0');

const cursorKey = { pk: 'cursor', sk: 'cursor' };
const EPOCHS = 'epoch';

/** @param keptMs ms that answers are kept. */
export const historyStore = (table: Table, keptMs: number): HistoryStore => ({
  async readCursor() {
    const item = await table.get(cursorKey);
    return item && decodeCursor(item);
  },

  async moveCursor(seen, next) {
    const result = await table.put(() => ({
      Item: marshall({ ...cursorKey, ...encodeCursor(next) }, { removeUndefinedValues: true }),
      ConditionExpression: seen === undefined ? 'attribute_not_exists(pk)' : 'rev = :seen',
      ...(seen !== undefined && { ExpressionAttributeValues: { ':seen': { S: seen.rev } } }),
    }));
    return result.done || (result.standing !== undefined && decodeCursor(result.standing).rev === next.rev);
  },

  async putEpoch({ epoch, since, until }) {
    const item = { pk: EPOCHS, sk: numberText(epoch), epoch, since, until, expires: expiry(until, keptMs) };
    await table.put(() => ({ Item: marshall(item, { removeUndefinedValues: true }) }));
  },

  async epochs() {
    const items = await gathered(pagesOf(table, { pk: EPOCHS, isNewestFirst: true }));
    return items.map(decodeEpoch);
  },

  putLog: (shelf, { epoch, run, before, entries }, attempt) =>
    putPacked(table, { pk: `log#${shelf}`, sk: `${numberText(run)}#${attempt}` }, entries, {
      epoch,
      run,
      before,
      expires: expiry(run, keptMs),
    }),

  async *logs(shelf, after) {
    for await (const item of pagesOf(table, { pk: `log#${shelf}`, after: `${numberText(after)}#~` })) {
      yield await decodeLog(item);
    }
  },

  putPart: (base, shelf, part, entries) => {
    const expires = expiry(Number(base.slice(0, base.indexOf('.'))), keptMs);
    return putPacked(table, { pk: `part#${base}#${shelf}`, sk: numberText(part) }, entries, { expires });
  },

  async *parts(base, shelf) {
    for await (const item of pagesOf(table, { pk: `part#${base}#${shelf}` })) {
      yield await unpacked(v.parse(packedItem, item).data);
    }
  },

  async putBase({ epoch, run, name, end }) {
    const item = { pk: `base#${epoch}`, sk: numberText(end), epoch, run, name, end, expires: expiry(end, keptMs) };
    await table.put(() => ({ Item: marshall(item) }));
  },

  async baseBefore(epoch, end) {
    const { items } = await table.query(
      {
        KeyConditionExpression: 'pk = :pk AND sk <= :end',
        ExpressionAttributeValues: { ':pk': { S: `base#${epoch}` }, ':end': { S: numberText(Math.max(0, end)) } },
        ScanIndexForward: false,
        Limit: 1,
      },
      undefined,
    );
    return items[0] && v.parse(baseItem, items[0]);
  },
});

/** Seconds since the epoch, as DynamoDB's TTL wants it. */
const expiry = (time: number, keptMs: number): number => Math.ceil((time + keptMs + BASE_AGE_MS) / 1_000);

interface Listed {
  readonly pk: string;
  /** Only what sorts after it. */
  readonly after?: string;
  readonly isNewestFirst?: boolean;
}

async function* pagesOf(table: Table, { pk, after = '', isNewestFirst = false }: Listed): AsyncGenerator<Item> {
  let last: { pk: string; sk: string } | undefined;
  for (let more = true; more;) {
    const page = await table.query(
      {
        KeyConditionExpression: after === '' ? 'pk = :pk' : 'pk = :pk AND sk > :after',
        ExpressionAttributeValues: { ':pk': { S: pk }, ...(after !== '' && { ':after': { S: after } }) },
        ScanIndexForward: !isNewestFirst,
      },
      last,
    );
    yield* page.items;
    const end = page.items.at(-1);
    last = end && v.parse(keyed, end);
    more = page.more && last !== undefined;
  }
}

async function gathered<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Deflated: of some 90 bytes, an entry keeps 30. @returns bytes of the item, about. */
async function putPacked(
  table: Table,
  key: { readonly pk: string; readonly sk: string },
  entries: readonly Entry[],
  attributes: Readonly<Record<string, number>>,
): Promise<number> {
  const data = await deflate(JSON.stringify(entries.map(encodeEntry)));
  await table.put(() => ({ Item: marshall({ ...key, ...attributes, data }) }));
  return data.length;
}

async function unpacked(data: Uint8Array): Promise<Entry[]> {
  return v.parse(packedEntries, (await inflate(data)).toString());
}

const keyed = v.object({ pk: v.string(), sk: v.string() });
const packedItem = v.object({ data: v.instance(Uint8Array) });
const logItem = v.object({ ...packedItem.entries, epoch: v.number(), run: v.number(), before: v.number() });
const baseItem = v.object({ epoch: v.number(), run: v.number(), name: v.string(), end: v.number() });

async function decodeLog(item: Item): Promise<Log> {
  const { data, ...log } = v.parse(logItem, item);
  return { ...log, entries: await unpacked(data) };
}

const epochItem = v.object({ epoch: v.number(), since: v.optional(v.number()), until: v.number() });
const decodeEpoch = (item: Item): Epoch => {
  const { epoch, since, until } = v.parse(epochItem, item);
  return { epoch, since, until };
};

const positions = v.record(v.string(), v.object({ after: v.optional(v.string()), isDone: v.boolean() }));
const cursorItem = v.object({
  ...epochItem.entries,
  run: v.number(),
  stream: v.string(),
  positions: v.pipe(v.string(), v.parseJson(), positions),
  baseBytes: v.number(),
  bytes: v.number(),
  baseRun: v.number(),
  gap: v.string(),
  rev: v.string(),
});

function decodeCursor(item: Item): HistoryCursor {
  const { since, positions: stored, ...cursor } = v.parse(cursorItem, item);
  const read = Object.entries(stored).map(([id, { after, isDone }]) => [id, { after, isDone }] as const);
  return { ...cursor, since, positions: Object.fromEntries(read) };
}

const encodeCursor = ({ positions: all, ...cursor }: HistoryCursor) => ({ ...cursor, positions: JSON.stringify(all) });

/** Entries as short lists, whose first element says their kind. */
function encodeEntry(entry: Entry): readonly unknown[] {
  const moment = [entry.second, String(entry.sequence)];
  switch (entry.kind) {
    case 'slot': {
      const { generation, chunk, slot, was, now } = entry;
      return ['s', ...moment, generation, chunk.toString(16), slot, was, now ?? null];
    }
    case 'pool': {
      const { space, cidr, was, now } = entry;
      return ['p', ...moment, space, formatCidr(cidr), was, now ?? null];
    }
    case 'ref':
      return ['r', ...moment, entry.generation, entry.name, entry.host];
    case 'host':
      return ['h', ...moment, entry.host, entry.state, entry.why];
  }
}

const moment = [
  v.number(),
  v.pipe(
    v.string(),
    v.digits(),
    v.transform((text) => BigInt(text)),
  ),
] as const;
const hex = v.pipe(
  v.string(),
  v.hexadecimal(),
  v.transform((text) => BigInt(`0x${text}`)),
);
const cidrText = v.pipe(
  v.string(),
  v.transform(parseCidr),
  v.custom<NonNullable<ReturnType<typeof parseCidr>>>((cidr) => cidr !== undefined, 'not a CIDR'),
);
const poolStateItem = v.object({
  generation: v.string(),
  rev: v.string(),
  state: v.picklist(['pending', 'confirmed', 'retiring']),
  cooldown: v.number(),
  createdBy: v.string(),
});

const packedEntry = v.union([
  v.pipe(
    v.tuple([v.literal('s'), ...moment, v.string(), hex, v.number(), v.string(), v.nullable(v.string())]),
    v.transform(([, second, sequence, generation, chunk, slot, was, now]): Entry => {
      return { kind: 'slot', second, sequence, generation, chunk, slot, was, now: now ?? undefined };
    }),
  ),
  v.pipe(
    v.tuple([v.literal('p'), ...moment, v.string(), cidrText, v.string(), v.nullable(poolStateItem)]),
    v.transform(([, second, sequence, space, cidr, was, now]): Entry => {
      return { kind: 'pool', second, sequence, space, cidr, was, now: now ?? undefined };
    }),
  ),
  v.pipe(
    v.tuple([v.literal('r'), ...moment, v.string(), v.string(), v.string()]),
    v.transform(([, second, sequence, generation, name, host]): Entry => {
      return { kind: 'ref', second, sequence, generation, name, host };
    }),
  ),
  v.pipe(
    v.tuple([v.literal('h'), ...moment, v.string(), v.picklist(['live', 'draining', 'fenced', 'dead']), v.string()]),
    v.transform(([, second, sequence, host, state, why]): Entry => {
      return { kind: 'host', second, sequence, host, state, why };
    }),
  ),
]);
const packedEntries = v.pipe(v.string(), v.parseJson(), v.array(packedEntry));
