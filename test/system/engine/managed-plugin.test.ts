/** Berth as a plugin that Docker itself starts and stops, as it is built. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packagePlugin } from '../../../infra/host/plugin.ts';
import { type Berth, startBerth } from '../../support/berth-process.ts';
import { limit } from '../../support/deadlines.ts';
import { ping, runContainer, subnetsOf } from './support/berth.ts';
import { VERSIONS, engine, whyNotReady } from './support/engines.ts';
import { type Host, startHost } from './support/host.ts';

/** The tag belongs to the driver's name. */
const PLUGIN = 'example/berth:1';
const ENDPOINT = 'unix:/var/lib/berth/up/cloud/capabilities.sock';

for (const version of VERSIONS) {
  const skip = await whyNotReady(version);
  describe(`the managed plugin with engine ${version}`, { skip, timeout: limit(240_000) }, () => {
    let host: Host;
    let cloud: Berth;
    let built: string;

    before(async () => {
      built = mkdtempSync(path.join(os.tmpdir(), 'berth-plugin-'));
      await packagePlugin(built, 'berth');
      host = await startHost({ engine: await engine(version), name: 'managed' });
      cloud = await startCloud(host);
      await host.docker('plugin', 'create', PLUGIN, built);
    });

    after(async () => {
      await cloud.stop();
      await host.stop();
      rmSync(built, { recursive: true, force: true });
    });

    const enabled = () => host.docker('plugin', 'inspect', '-f', '{{.Enabled}}', PLUGIN);

    it('describes itself, and does not start before it is enabled', async () => {
      const format = '{{.Name}} {{range .Config.Interface.Types}}{{.}}{{end}} {{.Config.Network.Type}}';
      assert.equal(
        await host.docker('plugin', 'inspect', '-f', format, PLUGIN),
        `${PLUGIN} docker.ipamdriver/1.0 host`,
      );
      assert.equal(await enabled(), 'false');
    });

    it('gets the endpoint, the host id, and the folders and sockets of the host as settings', async () => {
      const mounts = [`data.source=${dataOf(host)}`, 'machine-id.source=/dev/null'];
      await host.docker('plugin', 'set', PLUGIN, `BERTH_ENDPOINT=${ENDPOINT}`, 'BERTH_HOST_ID=by-name', ...mounts);
      // Docker looks for one socket, which belongs to one driver.
      assert.match(await host.dockerFails('plugin', 'set', PLUGIN, 'BERTH_DRIVERS=berth-ipvlan'), /not settable/);
      await host.docker('plugin', 'enable', PLUGIN);
      assert.equal(await enabled(), 'true');
      assert.equal(await host.exec('cat', path.join(dataOf(host), 'host-id')), 'by-name\n');
    });

    it("reads the kernel's description of the machine as root, which distinguishes it from a copy", async () => {
      const plugin = await processOf(host);
      assert.match(readFileSync(`/proc/${plugin}/status`, 'utf8'), /^Uid:\t0\t/m);
      const [SYS, DMI] = ['/sys', '/sys/devices/virtual/dmi/id'];
      const mounts = readFileSync(`/proc/${plugin}/mountinfo`, 'utf8').trim().split('\n');
      const over = mounts
        .map((line) => ({ mounted: line.split(' ')[4] ?? '', type: line.split(' - ')[1]?.split(' ')[0] }))
        .filter(({ mounted }) => [DMI, '/sys/class/dmi', '/sys/class/net'].some((place) => isWithin(place, mounted)));
      // Nothing is mounted over any part of it.
      assert.deepEqual(
        over.filter(({ mounted }) => mounted !== '/'),
        [{ mounted: SYS, type: 'sysfs' }],
      );
      const cards = [...(await host.exec('cat', '/proc/net/dev')).matchAll(/^ *([^ :]+):/gm)].map(([, name]) => name);
      assert.deepEqual(readdirSync(`/proc/${plugin}/root/sys/class/net`).sort(), cards.sort());
    });

    it('gives a network its subnet and containers their addresses, under its name with the tag', async () => {
      await host.docker('network', 'create', '--ipam-driver', PLUGIN, 'demo');
      assert.match((await subnetsOf(host, 'demo'))[0] ?? '', /^10\.(19[2-9]|2\d\d)\.\d+\.0\/24$/);
      const one = await runContainer(host, 'one', '--network', 'demo', '--mac-address', '02:42:0a:32:00:4d');
      const two = await runContainer(host, 'two', '--network', 'demo');
      assert.notEqual(one.ip, two.ip);
      await ping(host, 'one', two.ip);
      // The holder of an address has a MAC: the engine has asked the plugin for its capabilities.
      await host.docker('network', 'create', '--ipam-driver', PLUGIN, '--subnet', '10.60.0.0/24', 'given');
      const address = ['--network', 'given', '--ip', '10.60.0.7'];
      await host.docker(
        'run',
        '-d',
        '--name',
        'three',
        ...address,
        '--mac-address',
        '02:42:0a:3c:00:07',
        'busybox',
        'sleep',
        '600',
      );
      const taken = await host.dockerFails('run', ...address, 'busybox', 'true');
      assert.match(taken, /10\.60\.0\.7 is held by .*02:42:0a:3c:00:07/);
    });

    it('is available again when the engine restarts, before the engine needs it', async () => {
      await host.restart();
      await host.docker('start', 'one', 'two');
      await host.docker('exec', 'one', 'true');
      await host.docker('rm', '-f', ...(await host.docker('ps', '-aq')).split('\n'));
      await host.docker('network', 'rm', 'demo', 'given');
      await host.docker('network', 'create', '--ipam-driver', PLUGIN, '--subnet', '10.60.0.0/16', 'wider');
      await host.docker('network', 'rm', 'wider');
    });

    it('can be disabled and removed, and its data stay', async () => {
      await host.docker('plugin', 'disable', '-f', PLUGIN);
      await host.docker('plugin', 'rm', PLUGIN);
      assert.equal(await host.docker('plugin', 'ls', '-q'), '');
      assert.equal(await host.exec('cat', path.join(dataOf(host), 'host-id')), 'by-name\n');
    });
  });
}

function dataOf(host: Host): string {
  return path.join(host.folder, 'data');
}

function isWithin(place: string, folder: string): boolean {
  return place === folder || place.startsWith(`${folder}/`);
}

/** @returns the process id of the plugin, which is on the network of its host. */
async function processOf(host: Host): Promise<string> {
  const network = (await host.exec('readlink', '/proc/self/ns/net')).trim();
  const found = readdirSync('/proc').filter((name) => {
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      return command.startsWith('/bin/node\0/berth.mjs\0shim') && readlinkSync(`/proc/${name}/ns/net`) === network;
    } catch {
      return false;
    }
  });
  assert.equal(found.length, 1);
  return found[0] ?? '';
}

/** Functions on the host, whose sockets have the same paths there as in the plugin: below /var/lib/berth. */
async function startCloud(host: Host): Promise<Berth> {
  mkdirSync(dataOf(host));
  await host.exec('mount', '-n', '-t', 'tmpfs', 'tmpfs', '/var/lib');
  await host.exec('mkdir', '/var/lib/berth');
  await host.exec('mount', '-n', '--bind', dataOf(host), '/var/lib/berth');
  const own = ['--data', '/var/lib/berth/up', '--sockets', path.join(host.folder, 'own'), '--host-id', 'cloud'];
  return startBerth(['up', ...own], (command, args) => host.spawn(command, args));
}
