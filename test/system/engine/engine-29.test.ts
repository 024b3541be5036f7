/** What Docker engine 29 asks for differently from earlier engines. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { overlap } from '../../../protocol/address.ts';
import { cidr } from '../../support/addresses.ts';
import { limit } from '../../support/deadlines.ts';
import { addressOf, callsOf, runContainer, subnetsOf } from './support/berth.ts';
import { berth, host, remove, useSolo } from './support/solo.ts';
import { type EngineVersion, whyNotReady } from './support/engines.ts';

const IPAM = ['network', 'create', '--ipam-driver', 'berth'];
const MACVLAN = [...IPAM, '-d', 'macvlan', '-o', 'parent=up0'];
/** How many addresses are asked for when a macvlan network without a gateway is created. */
const GATEWAYS_ASKED_FOR: readonly (readonly [EngineVersion, number])[] = [
  ['29', 0],
  ['28', 1],
];

for (const [version, asked] of GATEWAYS_ASKED_FOR) {
  const skip = await whyNotReady(version);
  describe(`what engine 29 asks for, with engine ${version}`, { skip, timeout: limit(240_000) }, () => {
    useSolo(version);

    const names = ['one', 'two', 'three', 'four', 'five', 'six'];
    const addressesOf = async (network: string, containers: readonly string[]): Promise<string[]> => {
      const got: string[] = [];
      for (const name of containers) got.push((await runContainer(host, name, '--network', network)).ip);
      return got;
    };

    it('keeps the address of the router on a macvlan network, whether it is asked for or not', async () => {
      const requests = (): number => callsOf(berth, 'RequestAddress').length;
      const before = requests();
      await host.docker(...MACVLAN, '--subnet', '10.52.0.0/29', 'lan');
      assert.equal(requests() - before, asked);
      const got = await addressesOf('lan', names.slice(0, 5));
      assert.deepEqual(
        got.toSorted(),
        [2, 3, 4, 5, 6].map((last) => `10.52.0.${last}`),
      );
      const full = await host.dockerFails('run', '--rm', '--network', 'lan', 'busybox', 'true');
      assert.match(full, /none of its 6 addresses is free \(5 held by host solo; 1 reserved/);
      await remove('lan', ...names.slice(0, 5));
    });

    if (version === '29') {
      it('gives that address to a container on a network without a gateway', async () => {
        await host.docker(...MACVLAN, '--subnet', '10.52.0.0/29', '--ipam-opt', 'berth.gateway=none', 'lan');
        const got = await addressesOf('lan', names);
        assert.deepEqual(
          got.toSorted(),
          [1, 2, 3, 4, 5, 6].map((last) => `10.52.0.${last}`),
        );
        await remove('lan', ...names);
      });

      it('gives a container that is run again under the same name its former address', async () => {
        await host.docker(...IPAM, '--subnet', '10.53.0.0/24', 'named');
        const first = await addressesOf('named', names);
        await host.docker('restart', '-t', '0', 'one');
        assert.equal((await addressOf(host, 'one')).ip, first[0]);
        await host.docker('rm', '-f', ...names);
        // In another order, and with a new container: only the name matters.
        await runContainer(host, 'seven', '--network', 'named');
        const again = await addressesOf('named', names.toReversed());
        assert.deepEqual(again.toReversed(), first);
        await remove('named', ...names, 'seven');
      });

      it('gives an automatic subnet of the requested size', async () => {
        await host.docker(...IPAM, '--ipv6', '--subnet', '0.0.0.0/26', '--subnet', '::/80', 'sized');
        const [v4 = '', v6 = ''] = await subnetsOf(host, 'sized');
        assert.match(v4, /^10\.[\d.]+\/26$/);
        assert.match(v6, /^fdbe:5274:6800:[0-9a-f:]+\/80$/);
        const { ip } = await runContainer(host, 'one', '--network', 'sized');
        assert.ok(overlap(cidr(v4), cidr(`${ip}/32`)), `${ip} in ${v4}`);
        await remove('sized', 'one');
      });
    }
  });
}
