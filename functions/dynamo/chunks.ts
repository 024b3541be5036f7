/** Chunks of sixteen slots: one conditional write claims, reserves or frees an address. */
import { CHUNK_SIZE, type SlotPlace } from '../ipam/chunk.ts';
import { GIVEN_MARK, freedBefore } from '../ipam/slot.ts';
import type { SlotExpectation, SlotOutcome, Store } from '../ipam/store.ts';
import { decodeChunk, slotAttribute, stickyAttribute } from './items.ts';
import { chunkKey } from './keys.ts';
import type { Table, WriteResult } from './table.ts';

type ChunkStore = Pick<Store, 'readChunks' | 'writeSlot' | 'releaseSlot' | 'removeChunk'>;

/** The conditions on a slot. */
const UNUSED = 'attribute_not_exists(#slot)';
const FREE = `${UNUSED} OR #slot < :cooled`;
const NOT_GIVEN = 'NOT begins_with(#sticky, :given)';
const EXACTLY = '#slot = :seen';
const LEASED_BETWEEN = '#slot BETWEEN :from AND :to';
const NOT_HELD = (slot: string) => `(attribute_not_exists(${slot}) OR ${slot} < :leased)`; // of each #slot

const NOTHING_HELD = Array.from({ length: CHUNK_SIZE }, (_, slot) => NOT_HELD(slotAttribute(slot))).join(' AND ');

function conditionOf(expectation: SlotExpectation) {
  switch (expectation.kind) {
    case 'free':
      return expectation.sparesGiven === true
        ? {
            expression: `(${FREE}) AND ${NOT_GIVEN}`,
            values: { ':cooled': { S: freedBefore(expectation.cooledBy) }, ':given': { S: GIVEN_MARK } },
          }
        : { expression: FREE, values: { ':cooled': { S: freedBefore(expectation.cooledBy) } } };
    case 'exactly':
      return expectation.value === undefined
        ? { expression: UNUSED, values: {} }
        : { expression: EXACTLY, values: { ':seen': { S: expectation.value } } };
  }
}

/** A slot that already holds exactly this value was written by an earlier attempt. */
function outcomeOf(result: WriteResult, place: SlotPlace, value: string): SlotOutcome {
  if (result.done) return { written: true };
  const chunk =
    result.standing === undefined ? { index: place.chunk, slots: [], stickies: [] } : decodeChunk(result.standing);
  return chunk.slots[place.slot] === value ? { written: true } : { written: false, chunk };
}

export const chunks = (table: Table): ChunkStore => ({
  async readChunks(generation, first, last) {
    const from = chunkKey(generation, first);
    const to = chunkKey(generation, last);
    if (from.pk !== to.pk) throw new Error('all chunks of one read must be in one group');
    const { items } = await table.query(
      {
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
        ExpressionAttributeValues: { ':pk': { S: from.pk }, ':from': { S: from.sk }, ':to': { S: to.sk } },
      },
      undefined,
    );
    return items.map(decodeChunk);
  },

  async writeSlot(place, value, sticky, expectation) {
    const { expression, values } = conditionOf(expectation);
    const result = await table.update(chunkKey(place.generation, place.chunk), () => ({
      UpdateExpression: `SET #slot = :value${sticky === undefined ? ' REMOVE #sticky' : ', #sticky = :sticky'}`,
      ConditionExpression: expression,
      ExpressionAttributeNames: { '#slot': slotAttribute(place.slot), '#sticky': stickyAttribute(place.slot) },
      ExpressionAttributeValues: {
        ...values,
        ':value': { S: value },
        ...(sticky !== undefined && { ':sticky': { S: sticky } }),
      },
    }));
    return outcomeOf(result, place, value);
  },

  async releaseSlot(place, value, [from, to]) {
    const result = await table.update(chunkKey(place.generation, place.chunk), () => ({
      UpdateExpression: 'SET #slot = :value',
      ConditionExpression: LEASED_BETWEEN,
      ExpressionAttributeNames: { '#slot': slotAttribute(place.slot) },
      ExpressionAttributeValues: { ':value': { S: value }, ':from': { S: from }, ':to': { S: to } },
    }));
    return outcomeOf(result, place, value);
  },

  async removeChunk(generation, index) {
    const result = await table.delete(chunkKey(generation, index), () => ({
      ConditionExpression: NOTHING_HELD,
      // A free slot sorts before all that are held.
      ExpressionAttributeValues: { ':leased': { S: 'L' } },
    }));
    return result.done;
  },
});
