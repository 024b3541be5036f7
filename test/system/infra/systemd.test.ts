/** The unit under a separate systemd: when it starts and stops, and that its sandbox leaves the program what it needs. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import manifest from '../../../package.json' with { type: 'json' };
import { root } from '../../../infra/host/bundle.ts';
import { packageShim } from '../../../infra/host/npm-package.ts';
import { machinePrint } from '../../../shim/host/machine.ts';
import { type Berth, startBerth } from '../../support/berth-process.ts';
import { limit } from '../../support/deadlines.ts';
import { type Systemd, bootSystemd, whyNoSystemd } from './support/systemd.ts';

/** A stand-in for Docker: it calls the plugin's socket when it starts and when it stops. */
const DOCKER = `
[Unit]
Description=In place of Docker
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/run/node/node /run/test/call.cjs started Plugin.Activate
ExecStop=/run/node/node /run/test/call.cjs stopping IpamDriver.GetCapabilities
[Install]
WantedBy=multi-user.target
`;

/** Makes one call and records it in a file; with a body, the answer goes to stdout. */
const CALL = `
const { appendFileSync } = require('node:fs');
const [when, method, body = ''] = process.argv.slice(2);
const note = (text) => appendFileSync('/run/test/calls', when + ' ' + text + '\\n');
const call = { socketPath: '/run/docker/plugins/berth.sock', path: '/' + method, method: 'POST' };
require('node:http')
  .request(call, (response) => response.setEncoding('utf8').on('data', (text) => (note(text), console.log(text))))
  .on('error', (error) => note(error.code))
  .end(body);`;

/** The paths of the program, Node and the functions in a test. */
const HERE = `
[Service]
Environment=PATH=/run/node:/usr/bin:/bin
ExecStartPre=-/run/node/node -e "import('/run/test/machine.ts').then((m) => console.log(JSON.stringify(m.machinePrint())))"
StandardOutput=append:/run/test/print
ExecStart=
ExecStart=/run/test/global/bin/berth shim
`;
/** Where the kernel shows the firmware's description of a machine. */
const FIRMWARE = 'sys/class/dmi/id';
/** The functions, at paths where the unit sees their sockets. */
const CLOUD = ['up', '--data', '/run/test/cloud', '--sockets', '/run/test/sockets', '--host-id', 'cloud'];
const SETTINGS = 'BERTH_ENDPOINT=unix:/run/test/cloud/cloud/capabilities.sock\nBERTH_HOST_ID=unit\n';
/** Each takes at least about 50 ms. */
const RESTART_TRIES = 200;
/** The whole range of automatic pools, except for 10.255.0.0/16. */
const TAKEN = ['10.192.0.0/11', '10.224.0.0/12', '10.240.0.0/13', '10.248.0.0/14', '10.252.0.0/15', '10.254.0.0/16'];

const UNITS = ['berth.service', 'berth.socket', 'berth-ipvlan.socket'];

const unit = (name: string): string => readFileSync(path.join(root, 'infra/systemd', name), 'utf8');

describe('berth.service', { skip: whyNoSystemd() ?? false, timeout: limit(120_000) }, () => {
  let folder: string;
  let cloud: Berth;
  let systemd: Systemd;

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'berth-sd-'));
    await installInto(folder);
    systemd = await bootSystemd(folder, {
      ...Object.fromEntries(UNITS.map((name) => [name, unit(name)])),
      'berth.service.d/here.conf': HERE,
      'docker.service': DOCKER,
    });
    cloud = await startBerth(CLOUD, systemd.spawn);
    await systemd.exec('mkdir', '-p', '/etc/berth', '/run/docker/plugins');
    await systemd.exec('touch', '/run/docker/plugins/other.sock');
    await systemd.exec('cp', '/run/test/berth.env', '/etc/berth/berth.env');
    await systemd.exec('mount', '-n', '-t', 'tmpfs', 'tmpfs', '/sys/class');
    await systemd.exec('cp', '-r', '/run/test/sys/class/.', '/sys/class');
    for (const route of TAKEN) await systemd.exec('ip', 'route', 'add', route, 'dev', 'lo');
    await systemd.exec('systemctl', 'enable', 'berth.service', 'docker.service');
    await systemd.exec('systemctl', 'start', 'docker.service', 'multi-user.target');
  });

  after(async () => {
    await cloud.stop();
    await systemd.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const calls = (): string[] => readFileSync(path.join(folder, 'calls'), 'utf8').trim().split('\n');
  const property = async (name: string): Promise<string> =>
    (await systemd.exec('systemctl', 'show', '--value', '--property', name, 'berth.service')).trim();

  it('serves before Docker starts', async () => {
    assert.deepEqual(calls(), ['started {"Implements":["IpamDriver"]}']);
    assert.equal(await property('ActiveState'), 'active');
  });

  it('runs with no capability, no new privileges and a filter of system calls', async () => {
    const status = await systemd.exec('cat', `/proc/${await property('MainPID')}/status`);
    for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb']) assert.match(status, new RegExp(`^Cap${set}:\\t0+$`, 'm'));
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);
  });

  it("reaches the functions from its sandbox, and sends them the host's routes", async () => {
    const body = { AddressSpace: 'default', Pool: '', SubPool: '', Options: null, V6: false };
    const call = ['/run/test/call.cjs', 'asked', 'IpamDriver.RequestPool', JSON.stringify(body)];
    assert.match(await systemd.exec('/run/node/node', ...call), /"Pool":"10\.255\.\d+\.0\/24"/);
  });

  it('can read in its sandbox what distinguishes its machine from a copy', () => {
    const [print = ''] = readFileSync(path.join(folder, 'print'), 'utf8').split('\n');
    assert.deepEqual(JSON.parse(print), machinePrint(undefined, undefined, path.join(folder, 'sys')));
    assert.match(print, /"Product":"[0-9a-f]{32}"/);
  });

  it('keeps its data where only root can read them', async () => {
    assert.equal(await systemd.exec('stat', '-c', '%a %U', '/var/lib/berth'), '700 root\n');
    assert.equal(await systemd.exec('cat', '/var/lib/berth/host-id'), 'unit\n');
  });

  it('is restarted after it was killed', async () => {
    const killed = await property('MainPID');
    await systemd.exec('kill', '-KILL', killed);
    // Like dockerd: the socket of the killed process still exists for a moment.
    const back = 'again {"Implements":["IpamDriver"]}';
    for (let tries = 0; tries < RESTART_TRIES && calls().at(-1) !== back; tries++) {
      await systemd.exec('/run/node/node', '/run/test/call.cjs', 'again', 'Plugin.Activate');
    }
    assert.equal(calls().at(-1), back);
  });

  it('serves until Docker has stopped, and leaves the sockets of other programs alone', async () => {
    // As at a shutdown: both in one transaction.
    await systemd.exec('systemctl', 'start', 'shutdown.target');
    assert.match(calls().at(-1) ?? '', /^stopping \{"RequiresMACAddress":true/);
    assert.equal(await property('ActiveState'), 'inactive');
    assert.equal(await property('Result'), 'success');
    assert.equal(await systemd.exec('ls', '/run/docker/plugins'), 'other.sock\n');
  });

  it('does not block Docker when it cannot start', async () => {
    await systemd.exec('rm', '-r', '/etc/berth/berth.env', '/var/lib/berth');
    await systemd.exec('systemctl', 'start', 'docker.service', 'multi-user.target');
    assert.equal(calls().at(-1), 'started ENOENT');
    assert.notEqual(await property('ActiveState'), 'active');
    // The call did not wait for a socket until the timeout.
    assert.doesNotMatch(await property('ExecStartPost'), /code=killed/);
    await systemd.exec('systemctl', 'stop', 'berth.service');
  });

  it('lets a call wait in the socket that systemd holds, until the next program answers', async () => {
    await systemd.exec('cp', '/run/test/berth.env', '/etc/berth/berth.env');
    await systemd.exec('systemctl', 'start', 'berth.socket', 'berth-ipvlan.socket', 'berth.service');
    await systemd.exec('kill', '-KILL', await property('MainPID'));
    await systemd.exec('/run/node/node', '/run/test/call.cjs', 'waited', 'Plugin.Activate');
    assert.equal(calls().at(-1), 'waited {"Implements":["IpamDriver"]}');
    assert.equal(await systemd.exec('ls', '/run/docker/plugins'), 'berth-ipvlan.sock\nberth.sock\nother.sock\n');
    await systemd.exec('systemctl', 'stop', 'berth.socket', 'berth-ipvlan.socket', 'berth.service');
    assert.equal(await systemd.exec('ls', '/run/docker/plugins'), 'other.sock\n');
  });
});

describe("systemd's own check of the units", { skip: whyNoAnalyze() ?? false, timeout: limit(30_000) }, () => {
  const analyze = (...args: readonly string[]) => spawnSync('systemd-analyze', args, { encoding: 'utf8' });

  it('finds no error, except for a program that is not installed here', () => {
    const files = UNITS.map((name) => path.join(root, 'infra/systemd', name));
    const { stdout, stderr } = analyze('verify', '--man=no', ...files);
    const said = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('berth'));
    assert.deepEqual(
      said.filter((line) => !/Command berth is not executable|Unit berth\.service .*bad unit file/.test(line)),
      [],
    );
  });

  it('gives the score that the documents state', () => {
    const { stdout } = analyze('security', '--offline=true', path.join(root, 'infra/systemd/berth.service'));
    const [, level = '', word = ''] = /exposure level for berth\.service: ([\d.]+) (\w+)/.exec(stdout) ?? [];
    assert.equal(word, 'OK', stdout);
    // Versions of systemd calculate the score slightly differently.
    assert.ok(Number(level) <= 2, level);
    assert.match(readFileSync(path.join(root, 'docs/installation.md'), 'utf8'), /exposure level .*: 1\.\d OK/);
  });
});

function whyNoAnalyze(): string | undefined {
  return spawnSync('systemd-analyze', ['--version']).status === 0 ? undefined : 'systemd-analyze is not installed here';
}

/** As a user installs it, from the package. */
async function installInto(folder: string): Promise<void> {
  await packageShim(path.join(folder, 'made'));
  const { version } = manifest;
  const args = ['install', '--global', '--offline', '--silent', '--prefix', path.join(folder, 'global')];
  execFileSync('npm', [...args, path.join(folder, `made/berth-${version}.tgz`)], { stdio: 'inherit' });
  writeFileSync(path.join(folder, 'call.cjs'), CALL);
  writeFileSync(path.join(folder, 'berth.env'), SETTINGS);
  copyFileSync(path.join(root, 'shim/host/machine.ts'), path.join(folder, 'machine.ts'));
  mkdirSync(path.join(folder, FIRMWARE), { recursive: true });
  // Only root may read it, without a capability.
  writeFileSync(path.join(folder, FIRMWARE, 'product_uuid'), 'EC2A1B2C-0D4E-4F60-8A9B-1C2D3E4F5061\n', { mode: 0o400 });
}
