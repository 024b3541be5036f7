/** A host that is called dead while it runs: its containers would share their addresses with those of other hosts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Host } from '../../../functions/ipam/host.ts';
import { Shims, declare, wordsOf } from '../../support/shims.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { eventually, requestAddress, requestPool } from '../../support/stage.ts';

const [VICTIM, OTHER] = ['victim-1', 'other-1'];

let cloud: LocalCloud;
let shims: Shims;

async function shim(host: string): Promise<void> {
  await shims.start(host, ['--host-id', host]);
  await eventually(async () => (await cloud.store.readHost(host)) !== undefined);
}

const item = async (host = VICTIM): Promise<Host> => (await cloud.store.readHost(host)) ?? assert.fail('no such host');

let others: unknown;

before(async () => {
  cloud = await LocalCloud.start({ sweepEvery: 600_000 });
  shims = new Shims(cloud);
  await Promise.all([shim(VICTIM), shim(OTHER)]);
  const { PoolID: net } = await requestPool('10.1.0.0/24', shims.socketOf(VICTIM));
  assert.equal(await requestAddress(net, '10.1.0.9', shims.socketOf(VICTIM)), '10.1.0.9/24');
  await requestPool('10.2.0.0/24', shims.socketOf(VICTIM));
  others = (await requestPool('10.1.0.0/24', shims.socketOf(OTHER)))['PoolID'];
});

after(async () => {
  await shims.stop();
  await cloud.stop();
});

/** Another host gets the address that a container of the victim has. */
const isTaken = async (): Promise<boolean> =>
  (await requestAddress(others, '10.1.0.9', shims.socketOf(OTHER))) === '10.1.0.9/24';

describe('a host whose lease has not ended', () => {
  const message = { Host: VICTIM, State: 'dead', Why: 'a typing error' };

  it('cannot be called dead by an earlier version of berth: the refusal says what to do, and nothing is freed', async () => {
    const before = await item();
    const answer = wordsOf(await declare(path.join(cloud.folder, 'cloud'), { ...message, Key: 'key-of-old-program' }));
    assert.match(
      answer,
      /^host victim-1 is live: it was last seen at .* its lease runs until .*berth host dead victim-1 --override-lease/,
    );
    assert.equal((await item()).state, before.state);
    assert.equal(await isTaken(), false);
  });

  it('is described in the refusal to an operator who has overlooked the lease, with and without a terminal', async () => {
    const { code, out, err } = await shims.operator('dead', VICTIM, '--yes');
    assert.equal(code, 3);
    assert.equal(out, '');
    const lines = [
      ...['host +victim-1', 'state +live', 'bound to +arn:aws:iam::000000000000:user/local'],
      ...['last seen +\\d{4}-\\S+Z, \\d+ s ago', 'lease +runs until \\S+Z', 'networks +2', 'addresses +1'],
    ];
    for (const line of lines) assert.match(err, new RegExp(`^${line}$`, 'm'));
    assert.match(err, /^ +10\.1\.0\.0\/24 of space default: 1 leased$/m);
    assert.match(err, /^ +10\.2\.0\.0\/24 of space default: 0 leased$/m);
    assert.match(err, /^berth: host victim-1 is live: it last registered \d+ s ago.* add --override-lease$/m);
    assert.equal((await item()).state, 'live');
  });

  it('is called dead by a request that names the lease; the reason is kept with the host and in the log', async () => {
    const { code, err } = await shims.operator('dead', VICTIM, '--override-lease', '--why', 'the rack burns');
    assert.deepEqual([code, /cannot ask for confirmation without a terminal; .* add --yes/.test(err)], [2, true]);
    assert.equal((await item()).state, 'live');
    assert.equal(
      (await shims.operator('dead', VICTIM, '--override-lease', '--yes', '--why', 'the rack burns')).code,
      0,
    );
    const { state, why } = await item();
    assert.deepEqual([state, why], ['dead', 'arn:aws:iam::000000000000:user/local says so: the rack burns']);
    const log = readFileSync(path.join(cloud.folder, 'cloud.log'), 'utf8');
    const line = log.split('\n').find((each) => each.includes('host declared')) ?? assert.fail('nothing is logged');
    for (const part of ['"host":"victim-1"', '"why":"the rack burns"', '"overrideLease":true', '"state":"dead"']) {
      assert.ok(line.includes(part), line);
    }
    assert.equal(await isTaken(), true);
  });
});

describe('a host whose lease has ended,', () => {
  it('is called dead after a confirmation; without a terminal, with --yes', async () => {
    const seen = await item(OTHER);
    await shims.stop();
    const fenced = { ...(await item(OTHER)), leaseUntil: seen.lastSeen, state: 'fenced', fencedAt: 1 } as const;
    await cloud.store.writeHost(fenced, await item(OTHER));
    const { code, err } = await shims.operator('dead', OTHER);
    assert.equal(code, 2);
    assert.match(err, /^state +fenced$/m);
    assert.match(err, /^lease +ended \S+Z$/m);
    assert.match(
      err,
      /^berth: cannot ask for confirmation without a terminal; check host other-1 above, and add --yes to free what it/m,
    );
    assert.equal((await item(OTHER)).state, 'fenced');
    assert.equal((await shims.operator('dead', OTHER, '--yes')).code, 0);
    assert.equal((await item(OTHER)).state, 'dead');
  });

  it('if it is dead already, may be called dead again', async () => {
    assert.equal((await shims.operator('dead', OTHER)).code, 0);
    const { code, out } = await shims.operator('show', OTHER);
    assert.equal(code, 0);
    assert.match(out, /^state +dead \(arn:aws:iam::000000000000:user\/local says so\)$/m);
    assert.match(out, /^networks +0$/m);
  });
});
