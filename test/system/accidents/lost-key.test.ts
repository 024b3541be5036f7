/** The key that seals PoolIDs: what works without it, what a restore does with it, and that it is never disclosed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it, mock } from 'node:test';
import { DeleteItemCommand, GetItemCommand, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { sealKey } from '../../../functions/dynamo/keys.ts';
import { storeOver } from '../../../functions/dynamo/open.ts';
import { decodePoolId } from '../../../functions/ipam/pool-id.ts';
import { holdingsOf, networksOf } from '../../../functions/ipam/recovery/holdings.ts';
import { reviveNetwork } from '../../../functions/ipam/recovery/revive.ts';
import { output } from '../../../functions/lambda/log.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { alignTable } from '../../../infra/align-table.ts';
import { createTable } from '../../../infra/local/create-table.ts';
import { root } from '../../support/repository.ts';
import { type EngineStore, engineStore, useTable } from '../../support/engine-store.ts';
import { Host, refused, MAC } from '../../support/fleet.ts';
import { CALL_HEADERS, contextWith, eventOf } from '../../unit/functions/lambda/event.ts';

const BACKUP = 'restored';

let engine: EngineStore;
before(async () => {
  engine = await engineStore();
  await createTable(engine.client, BACKUP);
});
after(() => engine.close());

const Key = marshall(sealKey);

async function keyOf(table: string): Promise<string | undefined> {
  const { Item } = await engine.client.send(new GetItemCommand({ TableName: table, Key }));
  return Item?.['secret']?.S;
}

const lose = (table: string) => engine.client.send(new DeleteItemCommand({ TableName: table, Key }));

async function forgetNetworks(): Promise<void> {
  const { Items = [] } = await engine.client.send(new ScanCommand({ TableName: engine.table }));
  for (const { pk, sk } of Items) {
    if (pk === undefined || sk === undefined || pk.S === sealKey.pk) continue;
    await engine.client.send(new DeleteItemCommand({ TableName: engine.table, Key: { pk, sk } }));
  }
}

/** A function that has just started: it has no key yet. */
function started() {
  const world = { ...realWorld, advance: () => undefined };
  return { world, store: storeOver(engine.client, engine.table, world) };
}

const revival = (poolId: string) => ({ poolId, gateway: undefined, reserved: [], held: [], isLast: true });

describe('a table whose key was deleted', () => {
  it('gets another key: PoolIDs that the table confirms still work, and others are refused', async () => {
    const earlier = started();
    const host = new Host(earlier, 'a');
    const net = await host.pool({ pool: '10.1.0.0/24' });
    const address = await host.address(net, '', MAC);
    const lost = await host.pool({ pool: '10.2.0.0/24' });
    const key = await keyOf(engine.table);

    await lose(engine.table);
    const later = started();
    const same = new Host(later, 'a');
    const fresh = await same.pool({ pool: '10.3.0.0/24' });
    assert.ok(![undefined, key].includes(await keyOf(engine.table)));
    assert.equal(await same.release(net, address), 'freed');
    await same.address(net, '', MAC);
    const { state, leases } = await holdingsOf(later, same.call(), { poolId: net.poolId });
    assert.deepEqual([state, leases.length], ['live', 1]);
    assert.equal((await networksOf(later, same.call())).networks.length, 3);

    // A running function still has the old key. Others accept its PoolIDs because the table confirms them.
    const old = await host.pool({ pool: '10.4.0.0/24' });
    await same.address(old, '', MAC);
    await host.address(fresh, '', MAC);

    await forgetNetworks();
    const words =
      /the table no longer knows this network's share .* remove the network \(docker network rm\) and create it again/;
    await refused(reviveNetwork(later, same.call(), revival(lost.poolId)), 'pool-gone', words);
    await same.leave(lost);
    assert.equal(await same.release(lost, '10.2.0.9'), 'nothing');
    assert.equal((await reviveNetwork(later, same.call(), revival(fresh.poolId))).state, 'live');
  });
});

describe('a restore', () => {
  const align = (from: string, to: string) => alignTable(engine.client, { from, to, isWritten: true });

  it('neither replaces nor deletes the key, so that PoolIDs issued since the backup stay valid', async () => {
    const host = new Host(started(), 'b');
    await host.pool({ pool: '10.5.0.0/24' });
    await lose(BACKUP);
    const key = await keyOf(engine.table);
    await align(engine.table, BACKUP);
    assert.equal(await keyOf(BACKUP), key, 'a table without a key gets the key');

    await engine.client.send(
      new PutItemCommand({ TableName: BACKUP, Item: marshall({ ...sealKey, secret: 'x'.repeat(48) }) }),
    );
    const later = await host.pool({ pool: '10.6.0.0/24' });
    await align(BACKUP, engine.table);
    assert.equal(await keyOf(engine.table), key);
    await lose(BACKUP);
    await align(BACKUP, engine.table);
    assert.equal(await keyOf(engine.table), key);

    const now = started();
    assert.equal((await reviveNetwork(now, host.call(), revival(later.poolId))).state, 'live');
  });

  it('does not print what it moves', async () => {
    await lose(BACKUP);
    const args = ['infra/restore.ts', '--region', 'local', '--from', engine.table, '--to', BACKUP, '--write'];
    const credentials = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };
    const env = { ...process.env, ...credentials, AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint };
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env });
    assert.match(stdout, /^\d+ items are the same; \d+ put, \d+ deleted\n$/);
    assert.ok(!`${stdout}${stderr}`.includes((await keyOf(engine.table)) ?? assert.fail()));
  });
});

describe('the key', () => {
  it('is not in any answer or log line, whether it is read or found damaged', async () => {
    useTable(engine);
    const lines: string[] = [];
    const log = mock.method(output, 'log', (line: unknown) => void lines.push(String(line)));
    const { handler: pools } = await import('../../../functions/pools.ts');
    const { handler: hosts } = await import('../../../functions/hosts.ts');
    const headers = { ...CALL_HEADERS, 'berth-host': 'c' };
    const told: string[] = [];
    const send = async (handler: typeof pools, asked: string, body: object) => {
      const answer = await handler(eventOf(asked, { body: JSON.stringify(body), headers }), contextWith(10_000));
      told.push(JSON.stringify(answer));
    };
    const secret = (await keyOf(engine.table)) ?? assert.fail();
    await send(hosts, '/Berth.Register', { Proposed: 'nonce-12345', ShimVersion: '1' });
    await send(pools, '/IpamDriver.RequestPool', { AddressSpace: 'default', Pool: '10.9.0.0/24' });
    assert.match(told.join('\n'), /berth2,/);
    const damaged = secret.slice(0, 20);
    const Item = marshall({ ...sealKey, secret: damaged });
    await engine.client.send(new PutItemCommand({ TableName: engine.table, Item }));
    const sealed = /berth2,[^"\\]*/.exec(told.join('\n'))?.[0] ?? assert.fail();
    await send(hosts, '/Berth.Holdings', { PoolID: sealed });
    log.mock.restore();
    await lose(engine.table);
    assert.match(lines.join('\n'), /"message":"failed"/);
    assert.ok(![...told, ...lines].some((text) => text.includes(damaged)));
  });
});

describe('functions of an earlier version, after a rollback,', () => {
  it('recognise a PoolID of the later version by its prefix, and say that they are too old', async () => {
    const given = await new Host(started(), 'd').pool({ pool: '10.8.0.0/24' });
    assert.match(given.poolId, /^berth2,/);
    assert.ok(given.poolId.length < 256);
    assert.match(given.poolId, /^[\x21-\x7e]+$/);
    // The checksum is that of the first version, which refuses what it does not know as newer, not as damaged.
    assert.ok(decodePoolId(realWorld, given.poolId, { hostId: 'd' }).seal);
  });
});
