/** Hosts that fall silent, return, or are declared dead, as their shims and an operator see it. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Store } from '../../../functions/ipam/store.ts';
import { formatSharedCredentials } from '../../../shim/aws/shared-credentials.ts';
import { type Berth, runBerth } from '../../support/berth-process.ts';
import { Shims, declare } from '../../support/shims.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { eventually, ipam, requestAddress, requestPool, granted } from '../../support/stage.ts';

/** ms */
const SWEEP_EVERY = 50;

let cloud: LocalCloud;
let shims: Shims;
let store: Store;

before(async () => {
  cloud = await LocalCloud.start({ sweepEvery: SWEEP_EVERY });
  ({ store } = cloud);
  shims = new Shims(cloud);
});

afterEach(() => shims.stop());

after(() => cloud.stop());

const socketOf = (host: string): string => shims.socketOf(host);

async function shim(host: string): Promise<Berth> {
  const berth = await shims.start(host, ['--host-id', host]);
  await eventually(async () => (await store.readHost(host)) !== undefined);
  return berth;
}

async function networkOf(host: string, pool: string): Promise<unknown> {
  const { PoolID, Error: error } = await requestPool(pool, socketOf(host));
  assert.equal(error, undefined);
  return PoolID;
}

/** As if its lease had ended; then the sweep fences it. */
async function fallSilent(host: string): Promise<void> {
  await eventually(async () => {
    const seen = await store.readHost(host);
    return seen !== undefined && (await store.writeHost({ ...seen, leaseUntil: 0 }, seen)) !== undefined;
  });
  await eventually(async () => (await store.readHost(host))?.state === 'fenced');
}

describe('a host that an operator declares dead', () => {
  it('loses all that it held, which other hosts can then get', async () => {
    const berth = await shim('dead-1');
    await shim('heir-1');
    const lost = await networkOf('dead-1', '10.1.0.0/24');
    assert.equal(await requestAddress(lost, '10.1.0.9', socketOf('dead-1')), '10.1.0.9/24');
    await berth.stop();
    const heir = await networkOf('heir-1', '10.1.0.0/24');
    const ask = () => requestAddress(heir, '10.1.0.9', socketOf('heir-1'));
    assert.match(String(await ask()), /already in use/i);
    const { code, out } = await shims.operator('dead', 'dead-1', '--override-lease', '--yes', '--why', 'it burns');
    assert.deepEqual([code, out], [0, 'host dead-1 is dead: what it held is freed, within minutes if it is much\n']);
    await granted(ask, '10.1.0.9/24');
    const { state, why } = (await store.readHost('dead-1')) ?? {};
    assert.equal(state, 'dead');
    assert.match(why ?? '', /^arn:aws:iam::000000000000:user\/local says so: it burns$/);
  });

  it('but is alive, does not keep any of that', async () => {
    await shim('undead-1');
    const lost = await networkOf('undead-1', '10.2.0.0/24');
    assert.equal((await shims.operator('dead', 'undead-1', '--override-lease', '--yes')).code, 0);
    assert.match(String(await requestAddress(lost, '', socketOf('undead-1'))), /was released|has registered again/);
    await networkOf('undead-1', '10.3.0.0/24');
  });

  it('but never registered, is refused, and nothing changes', async () => {
    const { code, err } = await shims.operator('dead', 'nobody-1', '--yes');
    assert.deepEqual([code, err], [3, 'berth: no host nobody-1 has ever registered; nothing was changed\n']);
  });
});

it('the sweep stores how far it came, so that the next one continues there', async () => {
  await eventually(async () => ((await store.readSweep())?.walkedAt ?? 0) > 0);
});

describe('a declaration of death', () => {
  const declaration = { Host: 'victim-1', State: 'dead', Key: 'key-of-this-one', OverrideLease: true };

  it('is refused by a function that hosts may call', async () => {
    for (const name of ['capabilities', 'pools', 'addresses', 'hosts']) {
      const verdict = await declare(path.join(cloud.folder, 'cloud'), declaration, name);
      assert.match(verdict.kind === 'failed' ? verdict.reason : '', /HTTP 404: .*no such method/);
    }
  });

  it('is refused from an instance, even if its policy allows the call', async () => {
    await shim('victim-1');
    // Its own credentials are next to the socket, as on an instance.
    const key = { accessKeyId: 'INSTANCE000000000001', secretAccessKey: 'secret' };
    const userArn = 'arn:aws:sts::123456789012:assumed-role/berth-host/i-1234567890abcdef0';
    const keys = [{ accessKey: key.accessKeyId, secret: key.secretAccessKey, userArn }];
    writeFileSync(path.join(cloud.folder, 'cloud/keys.json'), JSON.stringify(keys));
    const folder = path.join(cloud.folder, 'instance');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'credentials'), formatSharedCredentials(key));
    symlinkSync(path.join(cloud.folder, 'cloud/console.sock'), path.join(folder, 'console.sock'));
    const verdict = await declare(folder, declaration);
    assert.match(
      verdict.kind === 'answered' ? (verdict.refusal ?? '') : verdict.reason,
      /is an EC2 instance; only an operator/,
    );
    assert.equal((await store.readHost('victim-1'))?.state, 'live');
  });
});

describe('a host that an operator drains', () => {
  it('gets nothing new, releases what it has, and logs that it drains when it starts again', async () => {
    const berth = await shim('drain-1');
    const net = await networkOf('drain-1', '10.4.0.0/24');
    const address = { PoolID: net, Address: '10.4.0.9' };
    assert.equal(await requestAddress(net, address.Address, socketOf('drain-1')), '10.4.0.9/24');
    const { code, out } = await shims.operator('drain', 'drain-1');
    assert.deepEqual([code, out], [0, 'host drain-1 drains: it gets no new networks and addresses\n']);
    assert.match(String(await requestAddress(net, '', socketOf('drain-1'))), /^host drain-1 is draining/);
    assert.match(String((await requestPool('', socketOf('drain-1')))['Error']), /^host drain-1 is draining/);
    assert.deepEqual(await ipam('ReleaseAddress', address, socketOf('drain-1')), {});
    assert.deepEqual(await ipam('ReleasePool', { PoolID: net }, socketOf('drain-1')), {});
    await berth.stop();
    await shim('drain-1');
    const health = () => runBerth(['shim', '--health', ...shims.placeOf('drain-1')]);
    await eventually(async () => (await health()).code === 2);
    assert.match((await health()).out, /the fleet drains this host/);
  });
});

describe('a host that falls silent', () => {
  it('keeps what it holds, and uses it again when it returns', async () => {
    const berth = await shim('silent-1');
    await shim('other-1');
    const net = await networkOf('silent-1', '10.5.0.0/24');
    assert.equal(await requestAddress(net, '10.5.0.9', socketOf('silent-1')), '10.5.0.9/24');
    await berth.stop();
    await fallSilent('silent-1');
    const others = await networkOf('other-1', '10.5.0.0/24');
    assert.match(String(await requestAddress(others, '10.5.0.9', socketOf('other-1'))), /already in use/i);
    await shim('silent-1');
    await eventually(async () => (await store.readHost('silent-1'))?.state === 'live');
    assert.equal((await store.readHost('silent-1'))?.epoch, 2);
    await granted(() => requestAddress(net, '10.5.0.10', socketOf('silent-1')), '10.5.0.10/24');
  });

  it('but whose shim runs, registers by itself at the next call, unnoticed by dockerd', async () => {
    await shim('sleeper-1');
    const net = await networkOf('sleeper-1', '10.6.0.0/24');
    await fallSilent('sleeper-1');
    assert.equal(await requestAddress(net, '10.6.0.9', socketOf('sleeper-1')), '10.6.0.9/24');
    await fallSilent('sleeper-1');
    assert.equal((await requestPool('10.7.0.0/24', socketOf('sleeper-1')))['Error'], undefined);
    assert.equal((await store.readHost('sleeper-1'))?.epoch, 3);
  });
});
