/** Hosts of one fleet share a macvlan subnet: what Docker's own allocator cannot do (see harness.test.ts). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Berth } from '../../support/berth-process.ts';
import { limit } from '../../support/deadlines.ts';
import { endpointOf, ping, runContainer, startShim, startUp } from './support/berth.ts';
import { VERSIONS, engine, whyNotReady } from './support/engines.ts';
import { type Host, type Lan, startHost, startLan } from './support/host.ts';

const NETWORK = ['network', 'create', '-d', 'macvlan', '-o', 'parent=up0', '--ipam-driver', 'berth'];
const CONTAINERS = 5;

const reasons = await Promise.all(VERSIONS.map(whyNotReady));
const skip = reasons.find((reason) => reason !== false) ?? false;

// Different engines: a fleet is never upgraded in one go.
describe('hosts of different engines on one LAN and one cloud', { skip, timeout: limit(240_000) }, () => {
  let lan: Lan;
  const hosts: Host[] = [];
  const berths: Berth[] = [];

  before(async () => {
    lan = await startLan('lan');
    for (const version of VERSIONS) {
      const name = `host${version.replace('.', '-')}`;
      hosts.push(await startHost({ engine: await engine(version), name, lan }));
    }
    const [first, ...others] = hosts;
    assert.ok(first !== undefined);
    berths.push(await startUp(first));
    for (const host of others) berths.push(await startShim(host, endpointOf(first)));
  });

  after(async () => {
    for (const berth of berths.reverse()) await berth.stop();
    await Promise.all(hosts.map((host) => host.stop()));
    await lan.stop();
  });

  it('all create the network with the same gateway, and no address is given twice', async () => {
    const subnet = ['--subnet', '10.90.0.0/24', '--gateway', '10.90.0.1', '--aux-address', 'nas=10.90.0.9', 'shared'];
    for (const host of hosts) await host.docker(...NETWORK, ...subnet);
    const started = await Promise.all(
      hosts.map(async (host) => {
        const addresses: string[] = [];
        for (let i = 0; i < CONTAINERS; i++) {
          addresses.push((await runContainer(host, `c${i}`, '--network', 'shared')).ip);
        }
        return addresses;
      }),
    );
    assert.equal(new Set(started.flat()).size, hosts.length * CONTAINERS);
    for (const [from, host] of hosts.entries()) {
      const far = started.filter((_, to) => to !== from).flat();
      for (const address of far) await ping(host, 'c0', address);
      // Exactly one machine answers for an address: the one that holds it.
      const arping = await host.docker('exec', 'c0', 'arping', '-c', '2', '-w', '5', '-I', 'eth0', far[0] ?? '');
      const answers = new Set([...arping.matchAll(/\[([0-9a-f:]{17})\]/gi)].map(([, mac]) => mac));
      assert.equal(answers.size, 1, arping);
    }
  });

  it('lose nothing when one of them leaves', async () => {
    const [staying, ...others] = hosts;
    const leaving = others.at(-1);
    assert.ok(staying !== undefined && leaving !== undefined);
    await leaving.docker('rm', '-f', ...Array.from({ length: CONTAINERS }, (_, i) => `c${i}`));
    await leaving.docker('network', 'rm', 'shared');
    const { ip } = await runContainer(staying, 'late', '--network', 'shared');
    assert.match(ip, /^10\.90\.0\.\d+$/);
    await ping(staying, 'c0', ip);
  });
});
