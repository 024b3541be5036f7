import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { openStore } from '../../../functions/dynamo/open.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { limit } from '../../support/deadlines.ts';
import { useTable } from '../../support/engine-store.ts';
import { listen } from '../../support/http.ts';

describe('a table that accepts a request and does not answer', () => {
  it('gets the request again, until the store gives up in time to report it', { timeout: limit(30_000) }, async (t) => {
    let connections = 0;
    const server = createServer(() => connections++);
    useTable({ table: 't', endpoint: `http://127.0.0.1:${await listen(t, server)}` });
    await assert.rejects(openStore('t', realWorld).readSpace('default'), { name: 'TimeoutError' });
    assert.ok(connections > 1);
  });
});
