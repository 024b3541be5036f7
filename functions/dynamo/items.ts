/** Items as they are stored, and the values of the domain that they represent. Every item that is read is parsed. */
import * as v from 'valibot';
import {
  type Address,
  type Range,
  formatAddress,
  formatCidr,
  parseAddress,
  parseCidr,
  parseRange,
} from '../../protocol/address.ts';
import { NETWORK_STATES } from '../../protocol/states.ts';
import { CHUNK_SIZE, type Chunk } from '../ipam/chunk.ts';
import type { Host } from '../ipam/host.ts';
import type { Pool } from '../ipam/pool.ts';
import type { Asked, Ref } from '../ipam/ref.ts';
import { Refusal } from '../ipam/refusal.ts';
import { SETTINGS, type Setting, type Space, type SpaceSettings } from '../ipam/space.ts';
import type { Found, IndexedRef, PoolName } from '../ipam/store.ts';
import type { SweepCursor } from '../ipam/sweep-cursor.ts';
import { UnreadableItem, isUnreadable } from '../ipam/unreadable.ts';
import { chunkGeneration, parseChunkKey, parseHostKey, parsePoolKey, parseRefKey } from './keys.ts';

const parsed = <T>(parse: (text: string) => T | undefined, what: string) =>
  v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }): T => {
      const value = parse(dataset.value);
      if (value !== undefined) return value;
      addIssue({ message: `not ${what}` });
      return NEVER;
    }),
  );

/**
 * The layout of items. An item of a later layout has the attribute `format`; one of this layout does not
 * (docs/upgrades.md).
 */
const FORMAT = 1;

/**
 * @throws Refusal when a newer version of Berth has written the item, since this version could misread it.
 * UnreadableItem when it is damaged.
 */
export function read<Schema extends v.GenericSchema>(schema: Schema, item: unknown): v.InferOutput<Schema> {
  if (typeof item === 'object' && item !== null && 'format' in item && item.format !== FORMAT) {
    throw new Refusal(
      'newer-format',
      `the table holds an item that a newer version of Berth has written (${nameOf(item)}, format ${String(item.format)}; ` +
        `these functions know format ${FORMAT}); upgrade the functions`,
    );
  }
  const { success, output, issues } = v.safeParse(schema, item);
  if (success) return output;
  const [issue] = issues;
  throw new UnreadableItem(nameOf(item), `${v.getDotPath(issue) ?? 'all of it'}: ${issue.message}`);
}

const nameOf = (item: unknown): string => {
  const { success, output } = v.safeParse(v.object(key), item);
  return success ? `${output.pk} ${output.sk}` : 'an item';
};

const cidr = parsed(parseCidr, 'a CIDR');
const address = parsed(parseAddress, 'an address');
const key = { pk: v.string(), sk: v.string() };

const rangeText = ({ family, first, last }: Range): string => {
  const from = formatAddress({ family, value: first });
  return first === last ? from : `${from}-${formatAddress({ family, value: last })}`;
};

/** What a reference keeps, as one text that a condition can compare: its gateway (or ''), then ranges. */
export const keptText = ({ gateway, reserved }: Pick<Ref, 'gateway' | 'reserved'>): string =>
  [gateway === undefined ? '' : formatAddress(gateway), ...reserved.map(rangeText)].join(',');

function parseKept(text: string): Pick<Ref, 'gateway' | 'reserved'> | undefined {
  const [first = '', ...rest] = text.split(',');
  const gateway = first === '' ? undefined : parseAddress(first);
  const reserved = rest.map(parseRange).filter((range) => range !== undefined);
  if ((gateway === undefined && first !== '') || reserved.length < rest.length) return undefined;
  return { gateway, reserved };
}

/** The addresses that dockerd has requested to be kept, as one text; '' for none. */
export const askedText = ({ asked }: Pick<Ref, 'asked'>): string =>
  asked.map(({ address, sequence }) => `${formatAddress(address)}@${sequence}`).join(',');

function parseAsked(text: string): Asked[] | undefined {
  const asked = text.split(',').flatMap((part): Asked[] => {
    const [first = '', sequence = ''] = part.split('@');
    const address = parseAddress(first);
    return address === undefined || sequence === '' ? [] : [{ address, sequence }];
  });
  return asked.length === text.split(',').length ? asked : undefined;
}

const optionalAddress = (value: Address | undefined) => (value === undefined ? {} : { gateway: formatAddress(value) });

const poolItem = v.object({
  ...key,
  state: v.picklist(['pending', 'confirmed', 'retiring']),
  generation: v.string(),
  rev: v.string(),
  announcedAt: v.number(),
  createdBy: v.string(),
  gateway: v.optional(address),
  cooldown: v.number(),
  exclusive: v.boolean(),
});

export function decodePool(item: unknown): Pool {
  const { pk, sk, gateway, ...pool } = read(poolItem, item);
  return { ...pool, ...parsePoolKey({ pk, sk }), gateway };
}

export function encodePool({ space: _space, cidr: _cidr, gateway, ...pool }: Pool) {
  return { ...pool, ...optionalAddress(gateway) };
}

const refItem = v.object({
  ...key,
  space: v.string(),
  cidr,
  subPool: v.optional(cidr),
  host: v.string(),
  epoch: v.number(),
  requestKey: v.string(),
  kept: parsed(parseKept, 'a gateway and ranges'),
  asked: v.optional(parsed(parseAsked, 'addresses with sequences')),
  state: v.picklist(NETWORK_STATES),
  fencedAt: v.optional(v.number()),
  endedAt: v.optional(v.number()),
  term: v.optional(v.number()),
});

export function decodeRef(item: unknown): Ref {
  const { pk, sk, host, subPool, kept, asked = [], fencedAt, endedAt, ...ref } = read(refItem, item);
  return { ...ref, ...kept, asked, ...parseRefKey({ pk, sk }), hostId: host, subPool, fencedAt, endedAt };
}

const indexedRef = v.object({ ...key, requestKey: v.string() });

/** What the index holds of a reference. */
export function decodeIndexedRef(item: unknown): IndexedRef {
  const { requestKey, ...indexed } = read(indexedRef, item);
  return { ...parseRefKey(indexed), requestKey };
}

/** `host` is the key of the index: it makes a reference findable by its host. */
export function encodeRef(ref: Ref) {
  const { space, hostId: host, epoch, requestKey, state, cidr, subPool, fencedAt, endedAt, term } = ref;
  return {
    space,
    host,
    epoch,
    requestKey,
    state,
    cidr: formatCidr(cidr),
    kept: keptText(ref),
    ...(ref.asked.length > 0 && { asked: askedText(ref) }),
    ...(subPool && { subPool: formatCidr(subPool) }),
    ...(fencedAt !== undefined && { fencedAt }),
    ...(endedAt !== undefined && { endedAt }),
    ...(term !== undefined && { term }),
  };
}

/** Each write of a host sets all its attributes, so a time that is not set needs a value. */
const NEVER = 0;

const hostItem = v.object({
  ...key,
  incarnation: v.string(),
  epoch: v.number(),
  principal: v.string(),
  adopted: v.optional(v.boolean(), false),
  awaited: v.optional(v.boolean(), false),
  machine: v.optional(
    v.object({
      given: v.exactOptional(v.string()),
      instance: v.exactOptional(v.string()),
      product: v.exactOptional(v.string()),
      macs: v.exactOptional(v.array(v.string())),
    }),
    {},
  ),
  ownEpoch: v.optional(v.number(), NEVER),
  former: v.optional(v.picklist(['', 'asleep', 'dead']), ''),
  rivalAt: v.optional(v.number(), NEVER),
  since: v.number(),
  lastSeen: v.number(),
  floor: v.string(),
  fresh: v.boolean(),
  shimVersion: v.string(),
  engineVersion: v.string(),
  state: v.picklist(['live', 'draining', 'fenced', 'dead']),
  leaseUntil: v.number(),
  fencedAt: v.number(),
  why: v.string(),
  changedAt: v.optional(v.number(), NEVER),
  refsLag: v.boolean(),
  heard: v.optional(v.array(v.string()), []),
  rev: v.string(),
});

/** The id of a host, readable even if the rest of its item is damaged. */
export const hostIdOf = (item: unknown): string => parseHostKey(read(v.object(key), item)).id;

export function decodeHost(item: unknown): Host {
  const {
    pk,
    sk,
    fresh: isFresh,
    adopted: isAdopted,
    awaited: isAwaited,
    fencedAt: time,
    ...host
  } = read(hostItem, item);
  const fencedAt = time === NEVER ? undefined : time;
  return { ...host, ...parseHostKey({ pk, sk }), isFresh, isAdopted, isAwaited, fencedAt };
}

export function encodeHost({
  id: _id,
  isFresh: fresh,
  isAdopted: adopted,
  isAwaited: awaited,
  fencedAt,
  ...host
}: Host) {
  return { ...host, fresh, adopted, awaited, fencedAt: fencedAt ?? NEVER };
}

export const slotAttribute = (slot: number): string => `s${slot.toString(16)}`;
export const stickyAttribute = (slot: number): string => `k${slot.toString(16)}`;

const chunkItem = v.objectWithRest(key, v.string());

export function decodeChunk(item: unknown): Chunk {
  const { pk, sk, ...attributes } = read(chunkItem, item);
  const all = (name: (slot: number) => string) => Array.from({ length: CHUNK_SIZE }, (_, i) => attributes[name(i)]);
  return { index: parseChunkKey({ pk, sk }), slots: all(slotAttribute), stickies: all(stickyAttribute) };
}

const nameItem = v.object({ cidr, generation: v.string() });

export const decodeName = (item: unknown): PoolName => read(nameItem, item);

const integer = (least: number, most: number) => v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

function storedAs({ kind, least = 0, most = Infinity }: Setting) {
  switch (kind) {
    case 'prefixes':
      return v.array(cidr);
    case 'hosts':
      return v.array(v.string());
    case 'number':
    case 'time':
      return integer(least, most);
    case 'answer':
      return v.boolean();
  }
}

/** Every setting of a space may be left out. */
const spaceItem = v.object({
  ...Object.fromEntries(Object.entries(SETTINGS).map(([name, setting]) => [name, v.optional(storedAs(setting))])),
  rev: v.optional(v.string()),
});

export function decodeSpace(item: unknown): Space {
  const { rev, ...settings } = read(spaceItem, item);
  return { settings, rev };
}

const NOTHING_SET: SpaceSettings = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, undefined]));

/** Every setting by its attribute; `undefined`: not set. */
export const encodeSpace = (settings: SpaceSettings) => ({
  ...NOTHING_SET,
  ...settings,
  ranges: settings.ranges?.map(formatCidr),
  excluded: settings.excluded?.map(formatCidr),
});

/** The readable ones of several items, and why the rest cannot be read. */
export function readable<T>(
  items: readonly unknown[],
  decode: (item: unknown) => T,
): { items: T[]; unreadable: string[] } {
  const read: { items: T[]; unreadable: string[] } = { items: [], unreadable: [] };
  for (const item of items) {
    try {
      read.items.push(decode(item));
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      read.unreadable.push(error.message);
    }
  }
  return read;
}

/** An item of a walk over all items. `undefined`: of a kind that is never a leftover. */
export function decodeFound(item: unknown): Found | undefined {
  const found = read(v.object(key), item);
  if (found.sk.startsWith('pool#')) return { kind: 'pool', pool: decodePool(item) };
  if (found.sk.startsWith('ref#')) return { kind: 'ref', ref: decodeRef(item) };
  if (!found.sk.startsWith('chunk#')) return undefined;
  return { kind: 'chunk', generation: chunkGeneration(found), chunk: decodeChunk(item) };
}

const secretItem = v.object({ secret: v.pipe(v.string(), v.minLength(32)) });

/** The key of the seals, which must stay secret. */
export const decodeSecret = (item: unknown): string => read(secretItem, item).secret;

const poolUse = v.object({ space: v.string(), cidr: v.string(), size: v.number(), held: v.number() });
export const spaceUse = v.object({
  pools4: v.number(),
  pools6: v.number(),
  size4: v.number(),
  held4: v.number(),
  held6: v.number(),
});
const usage = v.object({
  pools: v.number(),
  held: v.number(),
  fullest: v.array(poolUse),
  // A sweep of an earlier version does not count spaces.
  spaces: v.optional(v.record(v.string(), spaceUse), {}),
  open: v.record(v.string(), poolUse),
});

const sweepItem = v.object({
  shard: v.number(),
  host: v.optional(v.string()),
  fenced: v.optional(v.number(), 0),
  item: v.optional(v.string()),
  walkedAt: v.number(),
  usage: v.optional(v.pipe(v.string(), v.parseJson(), usage)),
});

export function decodeSweep(item: unknown): SweepCursor {
  const { host, item: at, usage: counted, ...cursor } = read(sweepItem, item);
  return { ...cursor, host, item: at, usage: counted };
}

/** What was counted is one text: only the next sweep reads it. */
export const encodeSweep = ({ shard, host, fenced, item, walkedAt, usage: counted }: SweepCursor) => ({
  shard,
  fenced,
  walkedAt,
  ...(host !== undefined && { host }),
  ...(item !== undefined && { item }),
  ...(counted !== undefined && { usage: JSON.stringify(counted) }),
});
