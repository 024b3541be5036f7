/** Two hosts of one fleet share a macvlan subnet: what Docker's own allocator cannot do (see harness.test.ts). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Berth } from '../support/berth-process.ts';
import { endpointOf, ping, runContainer, startShim, startUp } from './support/berth.ts';
import { engine, whyNoEngine } from './support/engines.ts';
import { type Host, type Lan, startHost, startLan } from './support/host.ts';

const NETWORK = ['network', 'create', '-d', 'macvlan', '-o', 'parent=up0', '--ipam-driver', 'berth'];
const CONTAINERS = 5;

describe('two hosts on one LAN and one cloud', { skip: whyNoEngine() ?? false, timeout: 180_000 }, () => {
  let lan: Lan;
  let hosts: readonly [Host, Host];
  const berths: Berth[] = [];

  before(async () => {
    lan = await startLan('two');
    // Different engines: a fleet is never upgraded in one go.
    hosts = [
      await startHost({ engine: await engine('28'), name: 'left', lan }),
      await startHost({ engine: await engine('20.10'), name: 'right', lan }),
    ];
    berths.push(await startUp(hosts[0]), await startShim(hosts[1], endpointOf(hosts[0])));
  });

  after(async () => {
    for (const berth of berths.reverse()) await berth.stop();
    await Promise.all(hosts.map((host) => host.stop()));
    await lan.stop();
  });

  it('both create the network with the same gateway, and no address is given twice', async () => {
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
    const [left = [], right = []] = started;
    assert.equal(new Set([...left, ...right]).size, 2 * CONTAINERS);
    const [from, to] = hosts;
    for (const address of right) await ping(from, 'c0', address);
    for (const address of left) await ping(to, 'c0', address);
    // One machine answers for an address, and it is the one that holds it.
    const arping = await from.docker('exec', 'c0', 'arping', '-c', '2', '-w', '5', '-I', 'eth0', right[0] ?? '');
    const answers = new Set([...arping.matchAll(/\[([0-9a-f:]{17})\]/gi)].map(([, mac]) => mac));
    assert.equal(answers.size, 1, arping);
  });

  it('lose nothing when one of them leaves', async () => {
    const [staying, leaving] = hosts;
    await leaving.docker('rm', '-f', ...Array.from({ length: CONTAINERS }, (_, i) => `c${i}`));
    await leaving.docker('network', 'rm', 'shared');
    const { ip } = await runContainer(staying, 'late', '--network', 'shared');
    assert.match(ip, /^10\.90\.0\.\d+$/);
    await ping(staying, 'c0', ip);
  });
});
