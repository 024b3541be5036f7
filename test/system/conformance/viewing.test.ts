/** Operators and viewers see who has what: the commands, in a fleet with networks and addresses that dockerd asked for. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { runBerth } from '../../support/berth-process.ts';
import { root } from '../../support/repository.ts';
import { folders, ipam, requestPool, up, useStage } from '../../support/stage.ts';

useStage();

const berth = (...args: string[]) => runBerth([...args, '--endpoint', `unix:${folders.data}/cloud/capabilities.sock`]);

async function shown(...args: string[]): Promise<string> {
  const { code, out, err } = await berth(...args);
  assert.deepEqual([code, err], [0, ''], out);
  return out;
}

async function json<Schema extends v.GenericSchema>(schema: Schema, ...args: string[]): Promise<v.InferOutput<Schema>> {
  return v.parse(v.pipe(v.string(), v.parseJson(), schema), await shown(...args, '--json'));
}

const endpoint = (mac: string, name: string) => ({
  'com.docker.network.endpoint.macaddress': mac,
  'com.docker.network.endpoint.name': name,
});

/** A network with a gateway, a container, and an address that a container has released. */
async function occupy(): Promise<void> {
  const { PoolID } = await requestPool('10.1.0.0/24');
  await ipam('RequestAddress', { PoolID, Address: '', Options: { RequestAddressType: 'com.docker.network.gateway' } });
  await ipam('RequestAddress', { PoolID, Address: '10.1.0.9', Options: endpoint('02:42:0a:01:00:09', 'db') });
  await ipam('RequestAddress', { PoolID, Address: '10.1.0.20', Options: endpoint('02:42:0a:01:00:14', 'web') });
  await ipam('ReleaseAddress', { PoolID, Address: '10.1.0.20' });
}

const DOCUMENT = readFileSync(path.join(root, 'docs/who-has-what.md'), 'utf8');
const INDENT = ' '.repeat(4);

/** What the document shows as the output of a command: the indented lines that follow it, up to the next command. */
function documented(command: string): string {
  const lines = DOCUMENT.split('\n');
  const start = lines.indexOf(`${INDENT}$ berth ${command}`) + 1;
  assert.ok(start > 0, command);
  const length = lines
    .slice(start)
    .findIndex((line) => line !== '' && (!line.startsWith(INDENT) || line.includes('$ ')));
  const output = lines.slice(start, start + length).map((line) => line.slice(INDENT.length));
  return `${output.join('\n').trimEnd()}\n`;
}

/** Without times, ages and versions. */
const timeless = (text: string): string =>
  text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'YYYY-MM-DDTHH:MM:SS.000Z')
    .replaceAll(/\d+ s ago {2,4}\d+\.\d+\.\d+/g, 'N s ago  VERSION');

describe('who has what', () => {
  it('is shown as in the document', async () => {
    await up();
    await occupy();
    const { code, err } = await berth('hosts', '--state', 'fenced');
    assert.deepEqual([code, err], [0, '']);
    for (const command of [
      'whois 10.1.0.9',
      'find 02:42:0a:01:00:09',
      'pools',
      'pool show 10.1.0.0/24',
      'addresses 10.1.0.0/24',
      'free 10.1.0.0/24',
      'free-subnets --size 12',
      'hosts',
    ]) {
      assert.equal(timeless(await shown(...command.split(' '))), timeless(documented(command)), command);
    }
    assert.match(
      await shown('whois', '10.1.0.77'),
      /^address {2}10\.1\.0\.77\npool {5}10\.1\.0\.0\/24\nstate {4}free\n$/,
    );
    assert.equal(await shown('find', 'cache'), 'nothing of that name in the one pool of the space\n');
  });

  it('is shown as JSON', async () => {
    await up();
    await occupy();
    const version = v.literal(1);
    const { pools } = await json(v.object({ version, pools: v.array(v.looseObject({ pool: v.string() })) }), 'pools');
    assert.deepEqual(
      pools.map(({ createdAt: _, ...pool }) => pool),
      [
        {
          space: 'default',
          pool: '10.1.0.0/24',
          state: 'confirmed',
          createdBy: 'a',
          gateway: '10.1.0.1',
          exclusive: false,
          cooldown: 30_000,
          size: '254',
          leased: 1,
          reserved: 1,
          resting: 1,
          isAll: true,
        },
      ],
    );
    const holders = v.array(v.object({ host: v.string(), reserves: v.array(v.string()) }));
    const { pool } = await json(v.object({ version, pool: v.object({ holders }) }), 'pool', 'show', '10.1.0.0/24');
    assert.deepEqual(pool.holders, [{ host: 'a', reserves: ['10.1.0.1'] }]);
    const used = v.object({ version, addresses: v.array(v.object({ address: v.string() })), isAll: v.boolean() });
    const { addresses, isAll } = await json(used, 'addresses', '10.1.0.0/24');
    assert.deepEqual([addresses.map(({ address }) => address), isAll], [['10.1.0.1', '10.1.0.9', '10.1.0.20'], true]);
    const whose = v.object({ version, address: v.object({ host: v.string(), endpoint: v.string() }) });
    assert.deepEqual((await json(whose, 'whois', '10.1.0.9')).address, { host: 'a', endpoint: 'db' });
    const ranges = v.array(v.object({ first: v.string(), last: v.string(), count: v.string() }));
    assert.deepEqual(
      (await json(v.object({ version, size: v.literal('254'), free: ranges }), 'free', '10.1.0.0/24')).free[0],
      {
        first: '10.1.0.2',
        last: '10.1.0.8',
        count: '7',
      },
    );
    const subnets = v.object({ version, size: v.literal(24), free: ranges, isAll: v.boolean() });
    assert.deepEqual((await json(subnets, 'free-subnets')).free[0]?.first, '10.192.0.0/24');
    const fleet = v.object({ version, hosts: v.array(v.object({ host: v.string(), state: v.string() })) });
    assert.deepEqual((await json(fleet, 'hosts')).hosts, [{ host: 'a', state: 'live' }]);
  });

  it('is nothing where nobody has anything, and what does not exist is refused', async () => {
    await up();
    assert.equal(await shown('pools', 'ci'), 'no pool is held in space ci\n');
    assert.match(await shown('usage', 'ci'), /^nothing is known of space ci in this time: /);
    await shown('space', 'set', 'ci', '--max-pools', '9');
    assert.match(await shown('spaces'), /^ci +not yet$/m);
    const spaces = v.array(v.object({ space: v.string(), at: v.null(), pools4: v.number() }));
    assert.deepEqual((await json(v.object({ version: v.literal(1), spaces }), 'spaces')).spaces, [
      { space: 'ci', at: null, pools4: 0 },
    ]);
    assert.equal(await shown('hosts', '--state', 'dead'), 'there is no such host\n');
    assert.equal(await shown('free-subnets', '--size', '8'), 'no /8 is free in space default\n');
    for (const [args, words, exit] of [
      [['free', '10.1.0.0/24'], /^berth: there is no pool 10\.1\.0\.0\/24 in space default/, 3],
      [['free-subnets', '--size', '33'], /^berth: an IPv4 subnet has a prefix length of 32 at most, not 33/, 2],
      [['free-subnets', '--size', '24.5'], /^berth: .*give a whole number from 1 to 128/, 2],
      [
        ['pool', 'show', '10.1.0.0/24'],
        /^berth: there is no pool 10\.1\.0\.0\/24 in space default; berth pools default/,
        3,
      ],
      [['addresses', '10.1.0.0/24', '--space', 'ci'], /^berth: there is no pool 10\.1\.0\.0\/24 in space ci/, 3],
      [['whois', '10.1.0.9'], /^berth: no pool of space default contains 10\.1\.0\.9/, 3],
      [['whois', 'db'], /^berth: "db" is not an address; give one such as 10\.1\.2\.3/, 3],
      [['addresses', '10.1.0'], /^berth: "10\.1\.0" is not a subnet/, 3],
      [['hosts', '--state', 'asleep'], /^berth: .*Allowed choices are live, draining, fenced, dead/, 2],
    ] as const) {
      const { code, out, err } = await berth(...args);
      assert.match(err, words);
      assert.deepEqual([code, out], [exit, ''], err);
    }
  });
});
