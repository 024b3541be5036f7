import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { openStore } from '../../../functions/dynamo/open.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { limit } from '../../support/deadlines.ts';

describe('a table that accepts a request and does not answer', () => {
  it('gets the request again, until the store gives up in time to report it', { timeout: limit(30_000) }, async () => {
    let connections = 0;
    const server = createServer(() => connections++);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${address.port}`,
      AWS_REGION: 'local',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
    });
    await assert.rejects(openStore('t', realWorld).readSpace('default'), { name: 'TimeoutError' });
    assert.ok(connections > 1);
    server.close();
  });
});
