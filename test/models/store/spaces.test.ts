/** Settings of a space as they are in the table, whether Berth or a person wrote them, and the configuration that results. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type AttributeValue, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DEFAULT_SPACE, configOf, defaultsOf } from '../../../functions/ipam/space.ts';
import { cidr } from '../../support/addresses.ts';
import { type EngineStore, engineStore } from '../../support/engine-store.ts';

const KEY = { pk: { S: 'space#prod' }, sk: { S: 'config' } };

describe('the settings of a space', () => {
  let engine: EngineStore;
  before(async () => {
    engine = await engineStore();
  });
  after(() => engine.close());

  async function read(settings: Record<string, AttributeValue>, space = 'prod') {
    const Item = { pk: { S: `space#${space}` }, sk: { S: 'config' }, ...settings };
    await engine.client.send(new PutItemCommand({ TableName: engine.table, Item }));
    return configOf(space, await engine.store.readSpace(space));
  }

  it('are the defaults when they are left out', async () => {
    assert.deepEqual(await read({}), DEFAULT_SPACE);
    assert.deepEqual(await read({}, 'prod.global'), defaultsOf('prod.global'));
    assert.notDeepEqual(defaultsOf('prod.global'), DEFAULT_SPACE);
  });

  it('are all read', async () => {
    const config = await read({
      ranges: { L: [{ S: '10.0.0.0/16' }, { S: 'fd01::/48' }] },
      excluded: { L: [{ S: '10.0.7.0/24' }] },
      size4: { N: '26' },
      size6: { N: '80' },
      cooldown: { N: '5000' },
      forgetAfter: { N: '60000' },
      maxPools: { N: '0' },
      maxNetworksPerHost: { N: '9' },
      widest4: { N: '12' },
      widest6: { N: '40' },
      givenOutside: { BOOL: false },
      maxHostsPerPrincipal: { N: '3' },
      managers: { L: [{ S: 'manager-1' }] },
    });
    assert.deepEqual(config, {
      ranges: [cidr('10.0.0.0/16'), cidr('fd01::/48')],
      excluded: [cidr('10.0.7.0/24')],
      size: { 4: 26, 6: 80 },
      cooldown: 5_000,
      forgetAfter: 60_000,
      maxPools: 0,
      maxNetworksPerHost: 9,
      widest: { 4: 12, 6: 40 },
      givenOutside: false,
      maxHostsPerPrincipal: 3,
      managers: ['manager-1'],
    });
  });

  it('that were written by hand can be changed, and keep attributes that this version does not know', async () => {
    await read({ size4: { N: '26' }, colour: { S: 'red' } });
    const seen = await engine.store.readSpace('prod');
    assert.deepEqual(seen, { settings: { size4: 26 }, rev: undefined });
    const written = await engine.store.writeSpace('prod', { size6: 80 }, seen);
    assert.deepEqual(await engine.store.readSpace('prod'), { settings: { size6: 80 }, rev: written?.rev });
    const { Item } = await engine.client.send(
      new GetItemCommand({ TableName: engine.table, Key: KEY, ConsistentRead: true }),
    );
    assert.deepEqual(Item?.['colour'], { S: 'red' });
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
    { maxPools: { N: '-1' } },
    { maxPools: { N: '10001' } },
    { maxNetworksPerHost: { N: '1001' } },
    { widest4: { N: '33' } },
    { widest6: { N: '-1' } },
    { givenOutside: { S: 'no' } },
    { maxHostsPerPrincipal: { N: '10001' } },
  ]) {
    it(`are refused when they make no sense: ${JSON.stringify(bad)}`, async () => {
      await assert.rejects(read(bad), { name: 'UnreadableItem' });
    });
  }
});
