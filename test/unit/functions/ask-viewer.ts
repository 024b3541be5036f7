/** The viewers' function as it is deployed, over an embedded engine. */
import assert from 'node:assert/strict';
import * as v from 'valibot';
import { notesOver } from '../../../functions/dynamo/open-notes.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { engineStore, useTable } from '../../support/engine-store.ts';
import { Host } from '../../support/fleet.ts';
import { answerOf, contextWith, eventOf } from './lambda/event.ts';

const VIEWER = 'arn:aws:sts::123456789012:assumed-role/viewer/alice';

export type Viewer = Awaited<ReturnType<typeof openViewer>>;

/** One for each file: the function reads its settings when it is loaded. */
export async function openViewer() {
  const engine = await engineStore();
  useTable(engine);
  const { handler } = await import('../../../functions/viewer.ts');
  const world = { ...realWorld, advance: () => undefined };
  /** All that it has answered. */
  const answers: string[] = [];
  const send = async (path: string, message: object, principal = VIEWER) => {
    const result = await handler(eventOf(path, { body: JSON.stringify(message) }, principal), contextWith(10_000));
    answers.push(JSON.stringify(result));
    return result;
  };
  return {
    store: engine.store,
    notes: notesOver(engine.client, engine.table, realWorld),
    answers,
    send,
    ask: async <Schema extends v.GenericSchema>(path: string, message: object, schema: Schema) =>
      v.parse(schema, answerOf(await send(path, message)).body),
    host: (id: string): Host => new Host({ store: engine.store, world }, id),
    close: () => engine.close(),
  };
}

const isDone = <T extends { Outcome: string }>(answer: T): answer is Extract<T, { Outcome: 'done' }> =>
  answer.Outcome === 'done';

export const done = <T extends { Outcome: string }>(answer: T): Extract<T, { Outcome: 'done' }> =>
  isDone(answer) ? answer : assert.fail('it is unknown');
