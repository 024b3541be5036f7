/** A host moves its networks from Docker's own IPAM: the commands that `berth import` gives are run as they are. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import * as v from 'valibot';
import { runBerth } from '../../support/berth-process.ts';
import { limit } from '../../support/deadlines.ts';
import { endpointOf, runContainer } from './support/berth.ts';
import { host, remove, useSolo } from './support/solo.ts';
import { VERSIONS, whyNotReady } from './support/engines.ts';

const inspected = v.array(
  v.object({
    Name: v.string(),
    Driver: v.string(),
    IPAM: v.object({ Driver: v.string(), Config: v.nullable(v.array(v.record(v.string(), v.unknown()))) }),
    Options: v.nullable(v.record(v.string(), v.string())),
    Labels: v.nullable(v.record(v.string(), v.string())),
    Containers: v.record(v.string(), v.object({ Name: v.string(), IPv4Address: v.string(), IPv6Address: v.string() })),
  }),
);

for (const version of VERSIONS) {
  const skip = await whyNotReady(version);
  describe(`a move from the IPAM of engine ${version}`, { skip, timeout: limit(240_000) }, () => {
    useSolo(version);
    const folder = mkdtempSync(path.join(os.tmpdir(), 'berth-'));
    const file = path.join(folder, 'networks.json');
    after(() => {
      rmSync(folder, { recursive: true });
    });

    async function inspect(...names: readonly string[]) {
      const all = names.length > 0 ? names : (await host.docker('network', 'ls', '--quiet')).split('\n');
      const text = await host.docker('network', 'inspect', ...all);
      writeFileSync(file, text);
      return v.parse(v.pipe(v.string(), v.parseJson(), inspected), text);
    }

    /** Without the ids, and with its containers by name. */
    const network = async (name: string) => {
      const [one] = await inspect(name);
      assert.ok(one !== undefined);
      const containers = Object.values(one.Containers).map(({ Name, IPv4Address, IPv6Address }) => [
        Name,
        IPv4Address,
        IPv6Address,
      ]);
      // Engine 20.10 shows the gateway of IPv6 that it chose with its length. A subnet that Docker chose comes last, a given one
      // in its place.
      const config = (one.IPAM.Config ?? [])
        .map((each) => JSON.stringify({ ...each, Gateway: String(each['Gateway']).split('/')[0] }))
        .sort();
      return { ...one, IPAM: { Config: config }, Containers: containers.sort() };
    };

    it('keeps subnets, options and the addresses of containers, and has nothing to move a second time', async () => {
      const options = ['--opt', 'com.docker.network.bridge.name=br-shop', '--label', "what=the shop's"];
      const v4 = ['--subnet', '10.77.0.0/24', '--ip-range', '10.77.0.128/25', '--gateway', '10.77.0.254'];
      await host.docker('network', 'create', ...v4, '--aux-address', 'router=10.77.0.5', ...options, 'shop');
      await host.docker('network', 'create', 'plain');
      await host.docker('network', 'create', '--internal', '--ipv6', '--subnet', 'fd00:77::/64', 'six');
      await runContainer(host, 'web', '--network', 'shop', '--ip', '10.77.0.9');
      await runContainer(host, 'db', '--network', 'shop');
      await host.docker('network', 'connect', 'six', 'db');
      const names = ['shop', 'plain', 'six'];
      const before = await Promise.all(names.map(network));
      await inspect();
      const endpoint = ['--endpoint', endpointOf(host)];
      const planned = await runBerth(['import', file, '--json', '--dry-run', ...endpoint]);
      assert.deepEqual([planned.code, planned.err], [0, ''], planned.out);
      const { commands } = v.parse(
        v.pipe(v.string(), v.parseJson(), v.object({ commands: v.array(v.string()) })),
        planned.out,
      );
      for (const command of commands) await host.exec('sh', '-c', command);
      assert.deepEqual(await Promise.all(names.map(network)), before);
      await inspect();
      const again = await runBerth(['import', file, ...endpoint]);
      assert.deepEqual([again.code, again.err], [0, '']);
      assert.ok(!again.out.includes('docker network'), again.out);
      await remove('shop', 'web', 'db');
      await host.docker('network', 'rm', 'plain', 'six');
    });
  });
}
