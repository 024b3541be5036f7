/** What operators may write for a space, as the store reads it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type AttributeValue, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DEFAULT_SPACE, defaultsOf } from '../../functions/ipam/space.ts';
import { type EngineStore, engineStore } from '../support/engine-store.ts';
import { cidr } from './samples.ts';

describe('the settings of a space', () => {
  let engine: EngineStore;
  before(async () => {
    engine = await engineStore();
  });
  after(() => engine.close());

  async function read(settings: Record<string, AttributeValue>, space = 'prod') {
    const Item = { pk: { S: `space#${space}` }, sk: { S: 'config' }, ...settings };
    await engine.client.send(new PutItemCommand({ TableName: engine.table, Item }));
    return engine.store.readSpace(space);
  }

  it('are the defaults where they are left out', async () => {
    assert.deepEqual(await read({}), DEFAULT_SPACE);
    assert.deepEqual(await read({}, 'prod.global'), defaultsOf('prod.global'));
    assert.notDeepEqual(defaultsOf('prod.global'), DEFAULT_SPACE);
  });

  it('are read whole', async () => {
    const config = await read({
      ranges: { L: [{ S: '10.0.0.0/16' }, { S: 'fd01::/48' }] },
      excluded: { L: [{ S: '10.0.7.0/24' }] },
      size4: { N: '26' },
      size6: { N: '80' },
      cooldown: { N: '5000' },
      forgetAfter: { N: '60000' },
    });
    assert.deepEqual(config, {
      ranges: [cidr('10.0.0.0/16'), cidr('fd01::/48')],
      excluded: [cidr('10.0.7.0/24')],
      size: { 4: 26, 6: 80 },
      cooldown: 5_000,
      forgetAfter: 60_000,
    });
  });

  for (const bad of [
    { ranges: { L: [{ S: '10.0.0.0' }] } },
    { size4: { N: '33' } },
    { size6: { N: '129' } },
    { cooldown: { S: 'soon' } },
    { cooldown: { N: '30000.5' } },
    { cooldown: { N: '1999' } },
    { cooldown: { N: '86400001' } },
    { forgetAfter: { S: 'never' } },
    { forgetAfter: { N: '59999' } },
    { forgetAfter: { N: '31536000001' } },
  ]) {
    it(`are refused when they make no sense: ${JSON.stringify(bad)}`, async () => {
      await assert.rejects(read(bad), { name: 'ValiError' });
    });
  }
});
