/** Items that another program has damaged: an unreadable item must not stop the sweep of all others. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { LEASE_MS } from '../../../functions/ipam/host.ts';
import { sweep } from '../../../functions/ipam/sweep/sweep.ts';
import { type EngineStore, engineStore } from '../../support/engine-store.ts';
import { Host } from '../../support/fleet.ts';
import { testWorld } from '../../support/world.ts';
import { withoutFailures } from '../../support/whole-sweep.ts';

const FORGET_AFTER = 7 * 86_400_000;

/** An item of each kind that the sweep visits, first in its partition where that is shared. */
const DAMAGED = [
  { pk: 'space#default', sk: 'pool#40a000000#024', state: 'unheard of' },
  { pk: 'space#default', sk: 'pool#nonsense' },
  { pk: 'pool#0damaged', sk: 'ref#0', state: 'live' },
  { pk: 'pool#0damaged2#0', sk: 'chunk#00', s0: 'nonsense' },
  { pk: 'pool#0newer', sk: 'ref#0', format: 2 },
  ...Array.from({ length: 3 }, (_, shard) => ({ pk: `hosts#${shard}`, sk: 'host#!damaged', state: 7 })),
];

describe('a sweep of a table in which some items cannot be read', () => {
  let engine: EngineStore;
  before(async () => {
    engine = await engineStore();
  });
  after(() => engine.close());

  it('fences, forgets and frees all others, and reports what it left out', async () => {
    const world = testWorld({ seed: 1 });
    const deps = { world, store: engine.store };
    const hosts = Array.from({ length: 12 }, (_, i) => new Host(deps, `host-${i}`));
    for (const host of hosts) {
      await host.register();
      await host.address(await host.pool({ pool: '10.1.0.0/24' }));
    }
    for (const item of DAMAGED) {
      await engine.client.send(new PutItemCommand({ TableName: engine.table, Item: marshall(item) }));
    }
    const run = () => withoutFailures(sweep(deps, { deadline: Infinity, limit: 1_000, cursor: undefined }));
    world.advance(LEASE_MS);
    const fenced = await run();
    assert.deepEqual([fenced.fenced, fenced.quieted], [hosts.length, hosts.length]);
    assert.ok(fenced.unreadable >= DAMAGED.length, String(fenced.unreadable));
    assert.match(fenced.reasons.join('\n'), /space#default pool#nonsense: state: /);
    world.advance(FORGET_AFTER);
    assert.equal((await run()).forgotten, hosts.length);
    world.advance(3_600_000);
    await run();
    assert.deepEqual(
      await engine.store.refsOf('0newer').catch((error: unknown) => String(error).slice(0, 20)),
      'Refusal: the table h',
    );
    const { items } = await engine.store.walk(undefined, 1_000);
    assert.deepEqual(
      items.filter((found) => found.kind === 'pool' || found.kind === 'ref'),
      [],
    );
  });
});
