/** How many requests to the table are under way at once. The client answers by itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { MAX_REQUESTS_AT_ONCE, Table } from '../../../../functions/dynamo/table.ts';
import { sideBySide } from '../../../../functions/ipam/all-settled.ts';
import { localClient } from '../../../support/engine-store.ts';

/** Each way in which the store uses the table. */
const KEY = { pk: 'p', sk: 's' };
const REQUESTS: readonly ((table: Table) => Promise<unknown>)[] = [
  (table) => table.get(KEY),
  (table) => table.getAll([KEY]),
  (table) => table.query({ KeyConditionExpression: 'pk = :pk' }, undefined),
  (table) => table.scan(undefined, 10),
  (table) => table.put(() => ({ Item: {} })),
  (table) => table.update(KEY, () => ({})),
  (table) => table.delete(KEY, () => ({})),
];

/** @param failure of the request with this number. `undefined`: it succeeds. */
function tableWith(failure: (number: number) => Error | undefined = () => undefined) {
  const seen = { requests: 0, underWay: 0, most: 0, pauses: 0 };
  const client: DynamoDBClient = localClient('http://127.0.0.1:1', 1);
  client.middlewareStack.add(
    () => async () => {
      const error = failure(seen.requests++);
      seen.most = Math.max(seen.most, ++seen.underWay);
      await nextTurn();
      seen.underWay--;
      if (error !== undefined) throw error;
      return { output: { $metadata: {} }, response: {} };
    },
    { step: 'initialize' },
  );
  let goOn = (): void => undefined;
  const paused = new Promise<void>((resolve) => (goOn = resolve));
  const pause = (): Promise<void> => (seen.pauses++, paused);
  return { table: new Table(client, 'berth-test', { pause, now: () => 0, random: () => 0 }), seen, goOn };
}

const named = (name: string): Error => Object.assign(new Error(name), { name });

/** ms: a request whose turn never comes would hang. */
const TIMEOUT = 10_000;

describe('requests to the table', { timeout: TIMEOUT }, () => {
  it('are under way side by side, but no more than the bound, however operations are nested', async () => {
    const { table, seen } = tableWith();
    const many = Array.from({ length: 40 }, (_, i) => i);
    await sideBySide(many, () => sideBySide(many, (i) => (REQUESTS[i % REQUESTS.length] ?? assert.fail())(table)));
    assert.deepEqual(seen, { requests: 1_600, underWay: 0, most: MAX_REQUESTS_AT_ONCE, pauses: 0 });
  });

  it('that fail make room for others', async () => {
    const { table, seen } = tableWith((number) => (number % 2 === 0 ? named('ValidationException') : undefined));
    const requests = Array.from({ length: 400 }, () => table.get(KEY));
    const outcomes = await Promise.allSettled(requests);
    assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 200);
    assert.deepEqual(seen, { requests: 400, underWay: 0, most: MAX_REQUESTS_AT_ONCE, pauses: 0 });
  });

  it('make room for others while they pause before another attempt', async () => {
    const { table, seen, goOn } = tableWith((number) => (number < 100 ? named('ThrottlingException') : undefined));
    const throttled = Array.from({ length: 100 }, () => table.get(KEY));
    const others = Array.from({ length: 100 }, () => table.put(() => ({ Item: {} })));
    await Promise.all(others);
    assert.deepEqual(seen, { requests: 200, underWay: 0, most: MAX_REQUESTS_AT_ONCE, pauses: 100 });
    goOn();
    await Promise.all(throttled);
    assert.equal(seen.requests, 300);
  });
});
