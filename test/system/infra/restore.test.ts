/** A table that is restored to an earlier moment, and what its hosts find then: docs/operations.md, "Restore". */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { storeOver } from '../../../functions/dynamo/open.ts';
import { LEASE_MS } from '../../../functions/ipam/host.ts';
import { adoptHost } from '../../../functions/ipam/hosts/operator-actions.ts';
import { holdingsOf, networksOf } from '../../../functions/ipam/recovery/holdings.ts';
import { reviveNetwork } from '../../../functions/ipam/recovery/revive.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { alignTable } from '../../../infra/align-table.ts';
import { createTable } from '../../../infra/local/create-table.ts';
import { formatAddress, parseAddress } from '../../../protocol/address.ts';
import { root } from '../../support/repository.ts';
import { type EngineStore, engineStore } from '../../support/engine-store.ts';
import { Host, refused, withMac } from '../../support/fleet.ts';

const BACKUP = 'restored';
const OPERATOR = 'arn:aws:iam::123456789012:user/ops';
const mac = (last: number) => `02:00:00:00:00:0${last}`;

let engine: EngineStore;
let deps: ConstructorParameters<typeof Host>[0];
before(async () => {
  engine = await engineStore();
  let ahead = 0;
  const world = { ...realWorld, now: () => realWorld.now() + ahead, advance: (by: number) => void (ahead += by) };
  deps = { world, store: storeOver(engine.client, engine.table, world) };
  await createTable(engine.client, BACKUP);
});
after(() => engine.close());

const align = (from: string, to: string, isWritten = true) => alignTable(engine.client, { from, to, isWritten });

async function itemsOf(table: string): Promise<unknown[]> {
  const { Items = [] } = await engine.client.send(new ScanCommand({ TableName: table }));
  return Items.map((item) => JSON.stringify(Object.entries(item).sort())).sort();
}

describe('a table that is restored to an earlier moment', () => {
  it('is what it was, and each host revives what it was given since', async () => {
    const host = new Host(deps, 'a');
    await host.register({ incarnation: undefined, proposed: 'first' });
    const net = await host.pool({ pool: '10.1.0.0/24' });
    const released = await host.address(net, '', withMac(mac(1)));
    await align(engine.table, BACKUP);
    const then = await itemsOf(engine.table);

    await host.register({ incarnation: 'first', proposed: 'second' });
    await host.release(net, released);
    const given = await host.address(net, '', withMac(mac(2)));
    const later = await host.pool({ pool: '10.2.0.0/24' });
    const there = await host.address(later, '', withMac(mac(3)));
    assert.notDeepEqual(await itemsOf(engine.table), then);

    const difference = await align(BACKUP, engine.table, false);
    assert.ok(difference.put > 0 && difference.deleted > 0 && difference.equal > 0, JSON.stringify(difference));
    assert.notDeepEqual(await itemsOf(engine.table), then, 'nothing is written unless the caller asks for it');
    assert.deepEqual(await align(BACKUP, engine.table), difference);
    assert.deepEqual(await itemsOf(engine.table), then);
    // The key of seals is not compared.
    assert.deepEqual(await align(BACKUP, engine.table), { put: 0, deleted: 0, equal: then.length - 1 });

    // It shows a nonce that the table has never seen, so it counts as another machine until the restored lease is over.
    await refused(
      host.register({ incarnation: 'second', proposed: 'third' }),
      'host-taken',
      /another machine has been host a/,
    );
    deps.world.advance(LEASE_MS);
    const { isFresh, epoch } = await host.register({ incarnation: 'second', proposed: 'third' });
    assert.ok(isFresh);

    const held = async (poolId: string) => {
      const { state, leases } = await holdingsOf(deps, host.call(), { poolId });
      return { state: state ?? 'gone', leases: leases.map(({ address }) => formatAddress(address)) };
    };
    assert.equal((await held(net.poolId)).state, 'dormant', 'former-network: nobody knows whose it is');
    await adoptHost(deps, 'a', OPERATOR);
    assert.deepEqual(await held(net.poolId), { state: 'live', leases: [released] }, 'leaked-lease and missing-lease');
    assert.equal(await host.address(net, given, withMac(mac(2)), host.call({ epoch })), given);
    assert.deepEqual(await held(later.poolId), { state: 'gone', leases: [] }, 'forgotten-network');
    const endpoint = { address: parseAddress(there) ?? assert.fail(), mac: mac(3), name: '' };
    const network = { poolId: later.poolId, gateway: undefined, reserved: [], held: [endpoint], isLast: true };
    assert.deepEqual(await reviveNetwork(deps, host.call({ epoch }), network), { state: 'live', taken: [] });
    assert.deepEqual(await held(later.poolId), { state: 'live', leases: [there] });
    assert.equal((await networksOf(deps, host.call())).networks.length, 2);
  });

  it('may be larger than one batch', async () => {
    const host = new Host(deps, 'many');
    await host.register({ incarnation: undefined, proposed: 'first' });
    for (let i = 0; i < 30; i++) await host.pool({ pool: `10.3.${i}.0/24` });
    const { put } = await align(engine.table, BACKUP);
    assert.ok(put > 60, String(put));
    assert.deepEqual(await itemsOf(BACKUP), await itemsOf(engine.table));
  });
});

describe('npm run restore', () => {
  const restore = (...args: string[]) =>
    spawnSync(process.execPath, ['infra/restore.ts', '--region', 'local', ...args], {
      cwd: root,
      encoding: 'utf8',
      env: {
        ...process.env,
        AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint,
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
      },
    });

  it('prints the difference, and writes only when asked to', async () => {
    await new Host(deps, 'late').pool({ pool: '10.4.0.0/24' });
    const tables = ['--from', engine.table, '--to', BACKUP];
    assert.match(
      restore(...tables).stdout,
      /^\d+ items are the same; 3 to be put, 0 to be deleted \(--write does it\)\n$/,
    );
    assert.match(restore(...tables, '--write').stdout, /^\d+ items are the same; 3 put, 0 deleted\n$/);
    assert.deepEqual(await itemsOf(BACKUP), await itemsOf(engine.table));
  });

  it('reports a missing table and a missing option', () => {
    const { status, stderr } = restore('--from', 'nowhere', '--to', BACKUP);
    assert.equal(status, 1);
    assert.match(stderr, /^restore: .*not.*found/i);
    assert.match(restore('--from', BACKUP).stderr, /required option '--to <table>'/);
  });
});
