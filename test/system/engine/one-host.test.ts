/** Berth under a real dockerd on one host: the first steps of a new user, and the options of a network. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { overlap } from '../../../protocol/address.ts';
import { cidr } from '../../support/addresses.ts';
import { limit } from '../../support/deadlines.ts';
import { addressOf, callsOf, ping, runContainer, subnetsOf } from './support/berth.ts';
import { berth, host, remove, restartBerth, useSolo } from './support/solo.ts';
import { VERSIONS, whyNotReady } from './support/engines.ts';

const IPAM = ['--ipam-driver', 'berth'];

for (const version of VERSIONS) {
  const skip = await whyNotReady(version);
  describe(`one host with engine ${version}`, { skip, timeout: limit(240_000) }, () => {
    useSolo(version);

    const create = (name: string, ...options: readonly string[]) =>
      host.docker('network', 'create', ...IPAM, ...options, name);
    const createFails = (...options: readonly string[]) =>
      host.dockerFails('network', 'create', ...IPAM, ...options, 'refused');

    it('creates a network, runs containers that reach each other, and releases everything', async () => {
      await create('demo');
      const [subnet = ''] = await subnetsOf(host, 'demo');
      assert.ok(overlap(cidr(subnet), cidr('10.192.0.0/10')), subnet);
      const one = await runContainer(host, 'one', '--network', 'demo');
      const two = await runContainer(host, 'two', '--network', 'demo');
      for (const { ip } of [one, two]) assert.ok(overlap(cidr(`${ip}/32`), cidr(subnet)), `${ip} in ${subnet}`);
      assert.notEqual(one.ip, two.ip);
      await ping(host, 'one', two.ip);
      await ping(host, 'two', one.ip);
      assert.match(await host.docker('run', '--rm', '--network', 'demo', 'busybox', 'ip', 'addr'), /inet 10\./);
      const inspected = await host.docker('network', 'inspect', 'demo');
      for (const text of ['"berth"', subnet, one.ip, two.ip]) assert.ok(inspected.includes(text), text);
      await remove('demo', 'one', 'two');
      // Available again only because all of it was released.
      await create('again', '--subnet', subnet, '--ipam-opt', 'berth.exclusive=true');
      await remove('again');
    });

    it("picks a subnet that stays clear of the host's routes", async () => {
      // The host has routes to all of the range except for its last 256 subnets.
      const taken = [
        '10.192.0.0/11',
        '10.224.0.0/12',
        '10.240.0.0/13',
        '10.248.0.0/14',
        '10.252.0.0/15',
        '10.254.0.0/16',
      ];
      for (const route of taken) await host.exec('ip', 'route', 'add', route, 'dev', 'up0');
      const requests = (): number => callsOf(berth, 'RequestPool').length;
      const before = requests();
      const names = ['n1', 'n2', 'n3'];
      for (const name of names) await create(name);
      // The first answer was suitable each time: dockerd did not have to ask again.
      assert.equal(requests() - before, names.length);
      for (const name of names) {
        assert.match((await subnetsOf(host, name))[0] ?? '', /^10\.255\./);
        await remove(name);
      }
      for (const route of taken) await host.exec('ip', 'route', 'del', route, 'dev', 'up0');
    });

    it('takes subnet, range, gateway, auxiliary addresses, a given address and a given MAC', async () => {
      const range = ['--subnet', '10.50.0.0/24', '--ip-range', '10.50.0.128/25'];
      await create('full', ...range, '--gateway', '10.50.0.254', '--aux-address', 'router=10.50.0.5');
      const given = ['--ip', '10.50.0.77', '--mac-address', '02:42:0a:32:00:4d'];
      const one = await runContainer(host, 'one', '--network', 'full', ...given);
      assert.deepEqual(one, { ip: '10.50.0.77', ip6: '', mac: '02:42:0a:32:00:4d' });
      const two = await runContainer(host, 'two', '--network', 'full');
      assert.ok(overlap(cidr(`${two.ip}/32`), cidr('10.50.0.128/25')), two.ip);
      assert.match(await host.docker('exec', 'two', 'ip', 'route'), /default via 10\.50\.0\.254/);
      await ping(host, 'two', '10.50.0.254');
      const taken = await host.dockerFails('run', '--network', 'full', '--ip', '10.50.0.77', 'busybox', 'true');
      // Engines send the name of the container since 29.
      const holder = version === '29' ? 'endpoint one' : 'an endpoint';
      const words = `remote: Address already in use: 10.50.0.77 is held by ${holder} (MAC 02:42:0a:32:00:4d)`;
      assert.ok(taken.includes(words), taken);
      const reserved = await host.dockerFails('run', '--network', 'full', '--ip', '10.50.0.5', 'busybox', 'true');
      assert.match(
        reserved,
        /remote: Address already in use: 10\.50\.0\.5 is reserved as a gateway or auxiliary address/,
      );
      await host.docker('restart', '-t', '0', 'one');
      assert.equal((await addressOf(host, 'one')).ip, '10.50.0.77');
      await host.docker('rm', '-f', ...(await host.docker('ps', '-aq')).split('\n'));
      await remove('full');
    });

    it('gives IPv6 addresses next to IPv4', async () => {
      await create('six', '--ipv6', '--subnet', '10.51.0.0/24', '--subnet', 'fd51::/64');
      const one = await runContainer(host, 'one', '--network', 'six');
      const two = await runContainer(host, 'two', '--network', 'six');
      assert.match(one.ip, /^10\.51\.0\.\d+$/);
      assert.match(one.ip6, /^fd51::[0-9a-f:]+$/);
      assert.notEqual(one.ip6, two.ip6);
      await ping(host, 'one', two.ip6);
      await remove('six', 'one', 'two');
    });

    it('gives an automatic IPv6 subnet', async () => {
      await create('six', '--ipv6');
      const subnets = await subnetsOf(host, 'six');
      assert.ok(
        subnets.some((subnet) => subnet.startsWith('fdbe:5274:6800:')),
        subnets.join(),
      );
      await remove('six');
    });

    it('serves macvlan on a veth', async () => {
      await create('lan', '-d', 'macvlan', '-o', 'parent=up0', '--subnet', '10.52.0.0/24', '--gateway', '10.52.0.1');
      const one = await runContainer(host, 'one', '--network', 'lan');
      const two = await runContainer(host, 'two', '--network', 'lan');
      assert.notEqual(one.ip, two.ip);
      await ping(host, 'one', two.ip);
      await remove('lan', 'one', 'two');
    });

    it('serves berth-ipvlan', async () => {
      await host.docker('network', 'create', '--ipam-driver', 'berth-ipvlan', '--subnet', '10.53.0.0/24', 'plain');
      const one = await runContainer(host, 'one', '--network', 'plain');
      const two = await runContainer(host, 'two', '--network', 'plain', '--ip', '10.53.0.9');
      assert.match(one.ip, /^10\.53\.0\.\d+$/);
      assert.equal(two.ip, '10.53.0.9');
      await ping(host, 'one', two.ip);
      await remove('plain', 'one', 'two');
    });

    it('explains what it refuses, and leaves nothing of it behind', async () => {
      await create('first', '--subnet', '10.54.0.0/24');
      const words =
        /remote: Pool overlaps with other one on this address space: 10\.54\.0\.0\/24 \(space default, created by host solo\)/;
      assert.match(await createFails('--subnet', '10.54.0.0/16'), words);
      assert.match(
        await createFails('--ipam-opt', 'berth.colour=red'),
        /remote: unknown option berth\.colour; the options are berth\.space,/,
      );
      assert.match(
        await createFails('--ipam-opt', 'berth.size=99x'),
        /remote: bad value "99x" for berth\.size: give a prefix length/,
      );
      const outside = ['--subnet', '10.55.0.0/24', '--ipam-opt', 'berth.reserve=10.56.0.1'];
      assert.match(
        await createFails(...outside),
        /remote: berth\.reserve: 10\.56\.0\.1 lies outside the pool 10\.55\.0\.0\/24/,
      );
      await create('second', '--subnet', '10.55.0.0/16', '--ipam-opt', 'berth.exclusive=true');
      await remove('second');
      await remove('first');
    });

    it('gives networks of one name one pool, and refuses at once what dockerd would otherwise ask for repeatedly without success', async () => {
      const named = ['--ipam-opt', 'berth.name=ci'];
      await create('named', ...named);
      const [subnet = ''] = await subnetsOf(host, 'named');
      const words = /remote: the pool of berth\.name=ci, 10\.[\d./]+, overlaps a route or a name server of this host/;
      assert.match(await createFails(...named), words);
      await create('beside', '-d', 'macvlan', '-o', 'parent=up0', '--subnet', subnet);
      await remove('beside');
      await remove('named');
    });

    it('keeps pools and addresses while it restarts', async () => {
      await create('kept', '--subnet', '10.57.0.0/29');
      const held = [
        await runContainer(host, 'one', '--network', 'kept'),
        await runContainer(host, 'two', '--network', 'kept'),
      ];
      await restartBerth();
      for (const name of ['three', 'four', 'five']) held.push(await runContainer(host, name, '--network', 'kept'));
      assert.deepEqual(
        held.map(({ ip }) => ip).sort(),
        [2, 3, 4, 5, 6].map((last) => `10.57.0.${last}`),
      );
      const full = await host.dockerFails('run', '--rm', '--network', 'kept', 'busybox', 'true');
      assert.match(
        full,
        /remote: no available addresses on this pool \(10\.57\.0\.0\/29\): none of its 6 addresses is free \(5 held by host solo; 1 reserved/,
      );
      await ping(host, 'one', held[4]?.ip ?? '');
      await remove('kept', 'one', 'two', 'three', 'four', 'five');
    });

    it('frees what dockerd releases when it starts after a crash', async () => {
      await create('crash', '--subnet', '10.58.0.0/30');
      await runContainer(host, 'one', '--network', 'crash');
      await host.restart('SIGKILL');
      await host.docker('rm', '-f', 'one');
      assert.equal((await runContainer(host, 'two', '--network', 'crash')).ip, '10.58.0.2');
      await remove('crash', 'two');
    });
  });
}
