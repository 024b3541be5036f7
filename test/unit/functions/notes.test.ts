/** Which spaces there are: noted by the sweep and by operators' changes, and shown to viewers. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { notesOver } from '../../../functions/dynamo/open-notes.ts';
import { type Notes, NOTED_HOURS, noteSpaces, usageOf } from '../../../functions/ipam/notes.ts';
import type { Store } from '../../../functions/ipam/store.ts';
import type { SpaceUse } from '../../../functions/ipam/sweep-cursor.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { type EngineStore, engineStore } from '../../support/engine-store.ts';

const HOUR_MS = 3_600_000;
const NOON = Date.UTC(2026, 11, 1, 12);
const use = (held4: number): SpaceUse => ({ pools4: 1, pools6: 0, size4: 254, held4, held6: 0 });
const NOTHING: SpaceUse = { pools4: 0, pools6: 0, size4: 0, held4: 0, held6: 0 };

let engine: EngineStore;
let notes: Notes;
let store: Store;

beforeEach(async () => {
  engine = await engineStore();
  ({ store } = engine);
  notes = notesOver(engine.client, engine.table, realWorld);
});
afterEach(() => engine.close());

const noted = async () => (await notes.list()).items.map(({ space, at, held4 }) => [space, at, held4]);

describe('the notes about spaces', () => {
  it('list the spaces that the last walk has met', async () => {
    await noteSpaces(notes, store, { ci: use(3), default: use(5) }, NOON);
    assert.deepEqual(await noted(), [
      ['ci', NOON, 3],
      ['default', NOON, 5],
    ]);
    await noteSpaces(notes, store, { default: use(6) }, NOON + HOUR_MS);
    assert.deepEqual(await noted(), [['default', NOON + HOUR_MS, 6]]);
    assert.deepEqual(await notes.hoursOf('ci'), []);
  });

  it('keep a space that an operator has configured, also before a walk', async () => {
    await store.writeSpace('team', { maxPools: 5 }, undefined);
    await notes.add('team');
    assert.deepEqual(await noted(), [['team', undefined, 0]]);
    await noteSpaces(notes, store, {}, NOON);
    assert.deepEqual(await noted(), [['team', NOON, 0]]);
    await notes.add('team');
    assert.deepEqual(await noted(), [['team', NOON, 0]]);
  });

  it('go on after a name, in pages', async () => {
    await noteSpaces(notes, store, { a: use(1), b: use(2), c: use(3) }, NOON);
    assert.deepEqual(
      (await notes.list('a')).items.map(({ space }) => space),
      ['b', 'c'],
    );
  });

  it('remember each hour of thirty days, and no more', async () => {
    for (const [hours, held] of [
      [0, 1],
      [1, 2],
      [1.5, 3],
      [NOTED_HOURS, 4],
    ] as const) {
      await noteSpaces(notes, store, { default: use(held) }, NOON + hours * HOUR_MS);
    }
    const shown = async (hours: number) =>
      (await usageOf(notes, 'default', NOON + hours * HOUR_MS)).map(({ at, held4 }) => [(at - NOON) / HOUR_MS, held4]);
    // The hour of noon has been written over, thirty days later.
    assert.deepEqual(await shown(NOTED_HOURS), [
      [1.5, 3],
      [NOTED_HOURS, 4],
    ]);
    assert.deepEqual(await shown(NOTED_HOURS + 2), [[NOTED_HOURS, 4]]);
    assert.deepEqual(await usageOf(notes, 'other', NOON), []);
  });

  it('count nothing for a space that has lost its pools and is configured', async () => {
    await store.writeSpace('team', { maxPools: 5 }, undefined);
    await noteSpaces(notes, store, { team: use(7) }, NOON);
    await noteSpaces(notes, store, {}, NOON + HOUR_MS);
    assert.deepEqual(await usageOf(notes, 'team', NOON + HOUR_MS), [
      { at: NOON, ...use(7) },
      { at: NOON + HOUR_MS, ...NOTHING },
    ]);
  });
});
