/** A host releases something and asks for it again before the cloud receives the release (`docker restart`, `network rm`). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { limit } from '../../support/deadlines.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import type { Told } from '../faults/dockerd.ts';
import { FaultyHost } from '../faults/host.ts';

/** ms: longer than the share of its deadline that a request waits for the release at first. */
const DEAFNESS = 8_000;
/** s */
const [LONG, SHORT] = [20, 3];
const ENDPOINT = { 'com.docker.network.endpoint.name': 'one' };
const EXCLUSIVE = { 'berth.exclusive': 'true' };

describe('a host whose releases have not reached the cloud', { timeout: limit(120_000) }, () => {
  let cloud: LocalCloud;
  const hosts: FaultyHost[] = [];

  /** Everything except for releases passes. */
  async function startDeafened(hostId: string, deadline: number): Promise<FaultyHost> {
    const host = await FaultyHost.start(cloud, hostId, deadline);
    hosts.push(host);
    host.proxy.insist(
      { path: '/IpamDriver.ReleaseAddress', fault: { kind: 'drop-before' } },
      { path: '/IpamDriver.ReleasePool', fault: { kind: 'drop-before' } },
    );
    return host;
  }

  before(async () => {
    cloud = await LocalCloud.start();
  });

  after(async () => {
    for (const host of hosts) await host.stop();
    await cloud.stop();
  });

  it('gets its former address again if the releases arrive within the deadline of the request', async () => {
    const host = await startDeafened('late', LONG);
    const [one, two, three] = [host.dockerd(), host.dockerd(), host.dockerd()];
    const { poolId: wide } = await one.requestPool('10.70.0.0/24');
    const { poolId: full } = await two.requestPool('10.70.1.0/30');
    const { poolId: alone } = await three.requestPool('10.70.2.0/24', EXCLUSIVE);
    const { address } = await one.requestAddress(wide, '10.70.0.9', ENDPOINT);
    const { address: last } = await two.requestAddress(full, '', ENDPOINT);
    const hear = delay(DEAFNESS).then(() => {
      host.proxy.insist();
    });
    const again: Promise<Told>[] = [
      one.releaseAddress(wide, '10.70.0.9').then(() => one.requestAddress(wide, '10.70.0.9', ENDPOINT)),
      two.releaseAddress(full, '10.70.1.2').then(() => two.requestAddress(full, '', ENDPOINT)),
      three.releasePool(alone).then(() => three.requestPool('10.70.2.0/24', EXCLUSIVE)),
    ];
    const answers = await Promise.all(again);
    await hear;
    assert.deepEqual(
      answers.map(({ error }) => error),
      [undefined, undefined, undefined],
    );
    assert.deepEqual(
      answers.map(({ address: given, pool }) => given || pool),
      [address, last, '10.70.2.0/24'],
    );
  });

  it('gets an error at the deadline that says that its own release is still on its way', async () => {
    const host = await startDeafened('deaf', SHORT);
    const dockerd = host.dockerd();
    const { poolId } = await dockerd.requestPool('10.70.3.0/24');
    await dockerd.requestAddress(poolId, '10.70.3.9', ENDPOINT);
    await dockerd.releaseAddress(poolId, '10.70.3.9');
    const { error } = await dockerd.requestAddress(poolId, '10.70.3.9', ENDPOINT);
    assert.match(
      String(error),
      /^Address already in use: 10\.70\.3\.9 is held by .* of host deaf .*; this host's own release has not reached .*; try again \(tried \d+ times\)$/,
    );
  });

  it('gets an error at once if another host holds the address', async () => {
    const host = await startDeafened('honest', LONG);
    const dockerd = host.dockerd();
    const { poolId } = await dockerd.requestPool('10.70.4.0/24');
    await dockerd.requestAddress(poolId, '10.70.4.9', ENDPOINT);
    const { error, ms } = await dockerd.requestAddress(poolId, '10.70.4.9', ENDPOINT);
    assert.match(String(error), /^Address already in use: 10\.70\.4\.9 is held by .* of host honest since \S+$/);
    assert.ok(ms < DEAFNESS, `after ${ms} ms`);
  });
});
