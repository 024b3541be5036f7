/** References to pools. */
import { marshall } from '@aws-sdk/util-dynamodb';
import { sideBySide } from '../ipam/all-settled.ts';
import type { Kept, Ref, RefStanding } from '../ipam/ref.ts';
import type { Store } from '../ipam/store.ts';
import { askedText, decodeIndexedRef, decodeRef, encodeRef, keptText } from './items.ts';
import { refKey, refPartition } from './keys.ts';
import { MAX_BATCH, type Table } from './table.ts';

type RefReads = Pick<Store, 'readRef' | 'readRefs' | 'refsOf' | 'refsOfCall' | 'refsOfHost'>;
type RefWrites = Pick<Store, 'addRef' | 'reviveRef' | 'writeKept' | 'endRef' | 'changeRefState' | 'removeTombstone'>;

/** Conditions that what dockerd has requested to be kept is unchanged. */
const ASKED = 'asked = :asked';
const NEVER_ASKED = 'attribute_not_exists(asked)';

/** The first page usually serves only to see whether there is any reference; later pages are as large as possible. */
const FIRST_PAGE_REFS = 16;

export const refs = (table: Table): RefReads & RefWrites => ({ ...refReads(table), ...refWrites(table) });

const refWrites = (table: Table): RefWrites => ({
  async addRef(ref) {
    const item = marshall({ ...refKey(ref.generation, ref.name), ...encodeRef(ref) });
    const result = await table.put(() => ({ Item: item, ConditionExpression: 'attribute_not_exists(pk)' }));
    if (result.done) return true;
    const standing = decodeRef(result.standing);
    return standing.requestKey === ref.requestKey && standing.state === 'live';
  },

  async reviveRef(ref, seen) {
    const item = marshall({ ...refKey(ref.generation, ref.name), ...encodeRef(ref) });
    const result = await table.put(() => ({ Item: item, ...asSeen(seen) }));
    if (result.done) return true;
    const standing = result.standing && decodeRef(result.standing);
    return standing?.requestKey === ref.requestKey && standing.state === ref.state;
  },

  async writeKept(seen, kept) {
    const result = await table.update(refKey(seen.generation, seen.name), () => keptUpdate(seen, kept));
    if (result.done) return true;
    const standing = result.standing && decodeRef(result.standing);
    if (standing?.state !== 'live' || standing.epoch !== seen.epoch) return false;
    return keptText(standing) === keptText(kept) && askedText(standing) === askedText(kept);
  },

  async endRef(generation, name, endedAt) {
    // Leaves the index key unchanged, which saves a write to the index.
    const result = await table.update(refKey(generation, name), () => ({
      UpdateExpression: 'SET #state = :gone, endedAt = if_not_exists(endedAt, :endedAt)',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':gone': { S: 'gone' }, ':endedAt': { N: String(endedAt) } },
    }));
    return result.done;
  },

  async changeRefState(seen, next) {
    const { expression, values } = standingUpdate(next);
    const result = await table.update(refKey(seen.generation, seen.name), () => ({
      UpdateExpression: expression,
      ConditionExpression: '#state = :seen AND epoch = :seenEpoch',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ...values, ':seen': { S: seen.state }, ':seenEpoch': { N: String(seen.epoch) } },
    }));
    return result.done || (result.standing !== undefined && stands(decodeRef(result.standing), next));
  },

  async removeTombstone(generation, name) {
    const result = await table.delete(refKey(generation, name), () => ({
      ConditionExpression: '#state = :gone',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':gone': { S: 'gone' } },
    }));
    return result.done || (result.standing === undefined && result.attempts > 1);
  },
});

/** Replaces the list of what a reference keeps, if it is the one that was seen. */
function keptUpdate(seen: Ref, kept: Kept) {
  const [asked, next] = [askedText(seen), askedText(kept)];
  return {
    UpdateExpression: `SET kept = :next${next === '' ? ' REMOVE asked' : ', asked = :nextAsked'}`,
    ConditionExpression: `#state = :live AND epoch = :epoch AND kept = :seen AND ${asked === '' ? NEVER_ASKED : ASKED}`,
    ExpressionAttributeNames: { '#state': 'state' },
    ExpressionAttributeValues: {
      ':live': { S: 'live' },
      ':epoch': { N: String(seen.epoch) },
      ':seen': { S: keptText(seen) },
      ':next': { S: keptText(kept) },
      ...(asked !== '' && { ':asked': { S: asked } }),
      ...(next !== '' && { ':nextAsked': { S: next } }),
    },
  };
}

/** A reference is unchanged as long as its call, state and epoch are the same. */
function asSeen(seen: Ref | undefined) {
  if (seen === undefined) return { ConditionExpression: 'attribute_not_exists(sk)' };
  return {
    ConditionExpression: '#state = :seen AND epoch = :seenEpoch AND requestKey = :seenKey',
    ExpressionAttributeNames: { '#state': 'state' },
    ExpressionAttributeValues: {
      ':seen': { S: seen.state },
      ':seenEpoch': { N: String(seen.epoch) },
      ':seenKey': { S: seen.requestKey },
    },
  };
}

/** Removes a time that is not set. */
function standingUpdate({ state, epoch, fencedAt, endedAt }: RefStanding) {
  const numbers = { epoch, fencedAt, endedAt };
  const set = Object.entries(numbers).filter(([, value]) => value !== undefined);
  const taken = Object.entries(numbers).filter(([, value]) => value === undefined);
  const remove = taken.length === 0 ? '' : ` REMOVE ${taken.map(([name]) => name).join(', ')}`;
  return {
    expression: `SET #state = :state, ${set.map(([name]) => `${name} = :${name}`).join(', ')}${remove}`,
    values: {
      ':state': { S: state },
      ...Object.fromEntries(set.map(([name, value]) => [`:${name}`, { N: String(value) }])),
    },
  };
}

/** Whether an earlier attempt has already made the change. */
const stands = (ref: Ref, next: RefStanding): boolean =>
  ref.state === next.state &&
  ref.epoch === next.epoch &&
  ref.fencedAt === next.fencedAt &&
  ref.endedAt === next.endedAt;

const refReads = (table: Table): RefReads => ({
  async readRef(generation, name) {
    const item = await table.get(refKey(generation, name));
    return item && decodeRef(item);
  },

  async readRefs(keys) {
    const batches = Array.from({ length: Math.ceil(keys.length / MAX_BATCH) }, (_, i) =>
      keys.slice(i * MAX_BATCH, (i + 1) * MAX_BATCH).map(({ generation, name }) => refKey(generation, name)),
    );
    const found = await sideBySide(batches, (batch) => table.getAll(batch));
    return found.flat().map(decodeRef);
  },

  async refsOf(generation, after) {
    const page = await table.query(
      {
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :ref)',
        ExpressionAttributeValues: { ':pk': { S: refPartition(generation) }, ':ref': { S: 'ref#' } },
        ...(after === undefined && { Limit: FIRST_PAGE_REFS }),
      },
      after === undefined ? undefined : refKey(generation, after),
    );
    return { items: page.items.map(decodeRef), more: page.more };
  },

  async refsOfCall(hostId, requestKey) {
    // The few attempts of one call fit one page.
    const { items } = await table.query(
      {
        IndexName: 'byHost',
        KeyConditionExpression: 'host = :host AND requestKey = :key',
        ExpressionAttributeValues: { ':host': { S: hostId }, ':key': { S: requestKey } },
      },
      undefined,
    );
    return items.map(decodeIndexedRef);
  },

  async refsOfHost(hostId, after) {
    const page = await table.query(
      {
        IndexName: 'byHost',
        KeyConditionExpression: 'host = :host',
        ExpressionAttributeValues: { ':host': { S: hostId } },
      },
      after && { ...refKey(after.generation, after.name), host: hostId, requestKey: after.requestKey },
    );
    return { items: page.items.map(decodeIndexedRef), more: page.more };
  },
});
