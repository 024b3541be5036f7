/** Docker Compose with networks of Berth: what its users do every day, and what happens to their hosts. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { cidrRange, overlap, rangeContains } from '../../../protocol/address.ts';
import { cidr, ip } from '../../support/addresses.ts';
import type { Berth } from '../../support/berth-process.ts';
import { limit, until } from '../../support/deadlines.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { startShim, subnetsOf } from '../engine/support/berth.ts';
import { engine, whyNotReady } from '../engine/support/engines.ts';
import { assertNothingLeaked } from '../engine/support/holdings.ts';
import { type Host, startHost } from '../engine/support/host.ts';
import { Project, VERSIONS, composeProgram, whyNoCompose } from './support/compose.ts';

const POLL_MS = 500;
const LATEST_MS = 60_000;
const MANY = 20;
const BERTH = { driver: 'berth' };
const GIVEN = { ...BERTH, config: [{ subnet: '10.80.0.0/24', gateway: '10.80.0.1' }] };
const STATIC = { db: '10.80.0.50', web: '10.80.0.60' };

const service = (networks: object) => ({
  image: 'busybox',
  pull_policy: 'never',
  command: ['sleep', '3600'],
  restart: 'always',
  stop_grace_period: '1s',
  networks,
});
const automatic = { services: { web: service({ net: {} }) }, networks: { net: { ipam: BERTH } } };
const fixed = {
  services: {
    db: service({ net: { ipv4_address: STATIC.db } }),
    web: service({ net: { ipv4_address: STATIC.web } }),
  },
  networks: { net: { ipam: GIVEN } },
};

const isWithin = (address: string, subnet: string): boolean => rangeContains(cidrRange(cidr(subnet)), ip(address));

const noEngine = await whyNotReady('28');

for (const version of VERSIONS) {
  const skip = noEngine === false ? await whyNoCompose(version) : noEngine;
  describe(`Docker Compose (${version})`, { skip, timeout: limit(400_000) }, () => {
    let host: Host;
    let cloud: LocalCloud;
    let shim: Berth;
    let program: string;
    const projects: Project[] = [];

    before(async () => {
      program = await composeProgram(version);
      host = await startHost({ engine: await engine('28'), name: 'composer' });
      cloud = await LocalCloud.start({ folder: host.folder });
      shim = await startShim(host, cloud.endpoint);
    });

    afterEach(async () => {
      await Promise.all(projects.splice(0).map((project) => project.down()));
      await settledAlike();
    });

    after(async () => {
      await shim.stop();
      await cloud.stop();
      await host.stop();
    });

    function project(name: string, file: object): Project {
      const made = new Project(host, program, name, file);
      projects.push(made);
      return made;
    }

    const settledAlike = (): Promise<void> => assertNothingLeaked(host, cloud);

    /** Ends dockerd and all containers at once, and starts it again. */
    async function losePower(): Promise<void> {
      await host.crash();
      const group = path.basename(host.folder);
      const procs = `/sys/fs/cgroup/*/${group}/*/cgroup.procs /sys/fs/cgroup/${group}/*/cgroup.procs`;
      // Some processes end with the first one of their container; the others end when dockerd starts again.
      await host.exec('sh', '-c', `kill -9 $(cat ${procs} 2>/dev/null | sort -u) || true`);
      await host.start();
    }

    async function untilRunning(one: Project, count: number): Promise<Map<string, string>> {
      let addresses = new Map<string, string>();
      const isRunning = async (): Promise<boolean> => {
        addresses = await one.addresses();
        return addresses.size === count;
      };
      const what = () => `${one.name}: ${count} containers run, but these: ${[...addresses.keys()].join(', ')}`;
      await until(isRunning, what, { milliseconds: LATEST_MS, pause: POLL_MS });
      return addresses;
    }

    it('runs services on an automatic subnet, from one to twenty and back', async () => {
      const one = project('scaled', automatic);
      await one.up();
      const [subnet = ''] = await subnetsOf(host, 'scaled_net');
      await one.up('--scale', `web=${MANY}`);
      const many = [...(await one.addresses()).values()];
      assert.equal(new Set(many).size, MANY);
      assert.ok(
        many.every((ip) => isWithin(ip, subnet)),
        `${many.join(' ')} in ${subnet}`,
      );
      await settledAlike();
      await one.up('--scale', 'web=1');
      assert.equal((await one.addresses()).size, 1);
    });

    it('keeps given addresses over a restart, a recreation, a power loss, and `down` and `up`', async () => {
      const one = project('fixed', fixed);
      const assertFixed = async (): Promise<void> => {
        const addresses = await untilRunning(one, 2);
        assert.deepEqual([addresses.get('fixed-db-1'), addresses.get('fixed-web-1')], [STATIC.db, STATIC.web]);
        await settledAlike();
      };
      await one.up();
      await assertFixed();
      await one.compose('restart', '--timeout', '1');
      await assertFixed();
      await one.up('--force-recreate', '--timeout', '1');
      await assertFixed();
      await losePower();
      await assertFixed();
      await one.down();
      await one.up();
      await assertFixed();
    });

    it('gives projects that start at the same moment different subnets', async () => {
      const names = ['p1', 'p2', 'p3', 'p4'];
      await Promise.all(names.map((name) => project(name, automatic).up()));
      const subnets = (await Promise.all(names.map((name) => subnetsOf(host, `${name}_net`)))).flat();
      assert.equal(subnets.length, names.length);
      for (const [i, one] of subnets.entries()) {
        assert.ok(!subnets.slice(i + 1).some((other) => overlap(cidr(one), cidr(other))), subnets.join(' '));
      }
    });

    it('uses the options of a network that was created without Compose', async () => {
      await host.docker('network', 'create', '--ipam-driver', 'berth', '--ipam-opt', 'berth.size=28', 'made');
      const external = { ...automatic, networks: { net: { name: 'made', external: true } } };
      const one = project('guest', external);
      await one.up();
      const [subnet = ''] = await subnetsOf(host, 'made');
      assert.match(subnet, /\/28$/);
      assert.ok([...(await one.addresses()).values()].every((ip) => isWithin(ip, subnet)));
      await one.down();
      await host.docker('network', 'rm', 'made');
    });

    it(
      version === 'debian' ? 'drops options of a network, as docs say' : 'passes options of a network on',
      async () => {
        const options = { ...automatic, networks: { net: { ipam: { ...BERTH, options: { 'berth.size': '28' } } } } };
        await project('sized', options).up();
        assert.match((await subnetsOf(host, 'sized_net'))[0] ?? '', version === 'debian' ? /\/24$/ : /\/28$/);
      },
    );
  });
}
