/**
 * The harness itself, with Docker's own address management: the basis of Berth's tests, and the defect that Berth
 * solves.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { limit, until } from '../../support/deadlines.ts';
import { engine, whyNoEngine, whyNotReady } from './support/engines.ts';
import { type Host, type Lan, startHost, startLan } from './support/host.ts';

const skip = whyNoEngine() ?? false;
const MACVLAN = ['network', 'create', '-d', 'macvlan', '-o', 'parent=up0', '--subnet', '10.90.0.0/24'];

/** A separate test with a container and a plugin on its host, which it never stops. */
const KILLED_TEST = `
  const { engine } = await import(process.argv[1] + '/support/engines.ts');
  const { startHost } = await import(process.argv[1] + '/support/host.ts');
  const host = await startHost({ engine: await engine('28') });
  await host.docker('run', '-d', 'busybox', 'sleep', '600');
  console.log(host.folder, host.spawn('sleep', ['600']).pid);`;

/** A plugin that refuses every pool, and reports its process id. */
const FAKE_PLUGIN = `
  const answers = {
    '/Plugin.Activate': { Implements: ['IpamDriver'] },
    '/IpamDriver.GetDefaultAddressSpaces': { LocalDefaultAddressSpace: 'l', GlobalDefaultAddressSpace: 'g' },
    '/IpamDriver.RequestPool': { Error: 'no pool from ' + process.pid },
  };
  require('node:http')
    .createServer((request, response) => response.end(JSON.stringify(answers[request.url] ?? {})))
    .listen('/run/docker/plugins/fake.sock', () => console.log('ready'));`;

async function addressOf(host: Host, container: string): Promise<string> {
  return host.docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', container);
}

/** Whether a process runs. A zombie does not. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function inControlGroup(name: string): string[] {
  const processes = readdirSync('/proc').filter((entry) => /^[0-9]+$/.test(entry));
  return processes.filter((pid) => isRunning(pid) && readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`/${name}/`));
}

describe('two hosts with engine 28 on one LAN', { skip, timeout: limit(120_000) }, () => {
  let lan: Lan;
  let a: Host;
  let b: Host;

  before(async () => {
    const e28 = await engine('28');
    lan = await startLan('lan');
    [a, b] = await Promise.all([
      startHost({ engine: e28, name: 'a', lan }),
      startHost({ engine: e28, name: 'b', lan }),
    ]);
    await Promise.all([a, b].map((host) => host.docker(...MACVLAN, 'n')));
    await Promise.all(
      [a, b].map((host) => host.docker('run', '-d', '--name', 'first', '--network', 'n', 'busybox', 'sleep', '600')),
    );
  });

  after(async () => {
    await Promise.all([a.stop(), b.stop()]);
    await lan.stop();
  });

  it('runs two engines of that version', async () => {
    for (const host of [a, b]) assert.match(await host.docker('version', '-f', '{{.Server.Version}}'), /^28\./);
    const ids = await Promise.all([a, b].map((host) => host.docker('info', '-f', '{{.ID}} {{.Name}}')));
    assert.notEqual(ids[0], ids[1]);
  });

  it("gives out the same address twice with Docker's own allocator, and both containers answer to it", async () => {
    const addresses = await Promise.all([a, b].map((host) => addressOf(host, 'first')));
    assert.deepEqual(addresses, ['10.90.0.2', '10.90.0.2']);
    const probe = ['arping', '-b', '-c', '2', '-w', '3', '-I', 'eth0', '10.90.0.2'];
    const answers = await a.docker('run', '--rm', '--network', 'n', 'busybox', ...probe);
    const macs = new Set([...answers.matchAll(/\[([0-9a-f:]{17})\]/g)].map((match) => match[1]));
    assert.equal(macs.size, 2, answers);
  });

  it('carries packets from container to container across hosts', async () => {
    await b.docker('run', '-d', '--name', 'far', '--network', 'n', '--ip', '10.90.0.77', 'busybox', 'sleep', '600');
    const ping = ['ping', '-c', '1', '10.90.0.77'];
    const answers = await a.docker('run', '--rm', '--network', 'n', '--ip', '10.90.0.66', 'busybox', ...ping);
    assert.match(answers, /1 packets received/);
  });

  it('isolates every host from the network of the machine', async () => {
    const interfaces = (await a.exec('ip', '-o', 'link'))
      .trim()
      .split('\n')
      .map((line) => line.split(/[:@ ]+/)[1]);
    assert.deepEqual(interfaces.toSorted(), ['docker0', 'lo', 'up0']);
    assert.doesNotMatch(await a.exec('ip', 'route'), /default/);
    assert.doesNotMatch(await lan.exec('ip', 'route'), /./);
  });

  it('gives each host its own name, machine id, plugin folder and firewall', async () => {
    const ids = await Promise.all(
      [a, b].map((host) => host.exec('cat', '/etc/machine-id', '/proc/sys/kernel/hostname')),
    );
    assert.match(ids[0] ?? '', /^[0-9a-f]{32}\na\n$/);
    assert.notEqual(ids[0]?.slice(0, 32), ids[1]?.slice(0, 32));
    await writeFile(path.join(a.pluginsDir, 'seen'), '');
    assert.equal(await a.exec('ls', '/run/docker/plugins'), 'seen\n');
    assert.equal(await b.exec('ls', '/run/docker/plugins'), '');
    assert.match(await a.exec('iptables', '-t', 'nat', '-S'), /-N DOCKER/);
  });

  it('distinguishes a failed docker command from a successful one', async () => {
    assert.match(await a.dockerFails('network', 'inspect', 'none-such'), /none-such not found/);
    await assert.rejects(a.docker('network', 'inspect', 'none-such'), /none-such not found/);
    await assert.rejects(a.dockerFails('version'), /should have failed/);
  });

  it('finds a plugin that a process on the host serves', async () => {
    const plugin = a.spawn(process.execPath, ['-e', FAKE_PLUGIN]);
    plugin.stderr.pipe(process.stderr);
    await new Promise((resolve) => plugin.stdout.once('data', resolve));
    const said = await a.dockerFails('network', 'create', '--ipam-driver', 'fake', 'x');
    assert.match(said, new RegExp(`remote: no pool from ${plugin.pid ?? 0}$`));
  });

  it('keeps networks and containers over a restart and over a crash of the daemon', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await b.docker('rm', '-f', 'far');
      await b.restart(signal);
      assert.match(await b.docker('network', 'ls', '--format', '{{.Name}}'), /^n$/m);
      assert.match(await b.docker('ps', '-a', '--format', '{{.Names}} {{.Status}}'), /^first Exited/);
      await b.docker('start', 'first');
    }
  });
});

for (const { version, words } of [
  { version: '29', words: /^28\.5\S+ 29-/ }, // The client is that of engine 28.
  { version: '20.10', words: /^20\.10\.\S+ 20\.10\./ },
] as const) {
  const skip = await whyNotReady(version);
  describe(`a host with engine ${version}`, { skip, timeout: limit(120_000) }, () => {
    it('runs a container, and leaves nothing behind', async () => {
      const host = await startHost({ engine: await engine(version) });
      try {
        assert.match(await host.docker('version', '-f', '{{.Client.Version}} {{.Server.Version}}'), words);
        assert.equal(await host.docker('run', '--rm', 'busybox', 'echo', 'hello'), 'hello');
        await host.docker('run', '-d', '--name', 'left', 'busybox', 'sleep', '600');
        assert.equal(await addressOf(host, 'left'), '172.17.0.2');
        assert.match(host.log(), /API listen on/);
      } finally {
        await host.stop();
      }
      assert.equal(existsSync(host.folder), false);
      await assert.rejects(host.docker('version'), /Cannot connect|failed to connect/);
    });
  });
}

describe('a test that is killed', { skip, timeout: limit(60_000) }, () => {
  it('ends its host, with all that runs there', async () => {
    const test = spawn(process.execPath, ['--input-type=module', '-e', KILLED_TEST, import.meta.dirname], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said: string;
    try {
      said = await new Promise((resolve) => test.stdout.setEncoding('utf8').once('data', resolve));
      const [folder = '', plugin = ''] = said.trim().split(' ');
      assert.ok(existsSync(folder), said);
      assert.ok(isRunning(plugin), said);
      assert.notDeepEqual(inControlGroup(path.basename(folder)), []);
    } finally {
      test.kill('SIGKILL');
    }
    const [folder = '', plugin = ''] = said.trim().split(' ');
    await until(() => !existsSync(folder) && !isRunning(plugin), `nothing is left of ${said}`);
    assert.deepEqual(inControlGroup(path.basename(folder)), []);
  });
});
