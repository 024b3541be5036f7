/** The host's package: installed as users install it, and started from there. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as v from 'valibot';
import { root } from '../../../infra/host/bundle.ts';
import { packageShim } from '../../../infra/host/npm-package.ts';
import { callPlugin, startBerth } from '../../support/berth-process.ts';
import { limit } from '../../support/deadlines.ts';
import { endingWithUs } from '../../support/ending-with-us.ts';
import manifest from '../../../package.json' with { type: 'json' };

const MIB = 1_048_576;
const tarball = `berth-${manifest.version}.tgz`;
const nodeFolder = path.dirname(process.execPath);
/** npm scripts inherit npm's settings for the project, which a host does not have. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|BERTH_|NODE_OPTIONS)/i.test(name))),
  PATH: `${nodeFolder}:${process.env['PATH'] ?? ''}`,
};

describe('the package for a host', { timeout: limit(120_000) }, () => {
  let scratch: string;
  let made: string;
  let installed: string;
  let program: string;

  before(async () => {
    scratch = mkdtempSync(path.join(os.tmpdir(), 'berth-host-'));
    made = path.join(scratch, 'made');
    await packageShim(made);
    const args = ['install', '--global', '--offline', '--silent', '--prefix', path.join(scratch, 'global')];
    execFileSync('npm', [...args, path.join(made, tarball)], { cwd: scratch, env });
    installed = path.join(scratch, 'global/lib/node_modules');
    program = path.join(scratch, 'global/bin/berth');
  });

  after(() => {
    rmSync(scratch, { recursive: true, force: true });
  });

  const berth = (...args: readonly string[]) =>
    spawnSync(program, args, { encoding: 'utf8', env, timeout: limit(30_000) });

  it('installs only the program, its units and its documents', () => {
    const files = globSync('**', { cwd: installed }).filter((file) => statSync(path.join(installed, file)).isFile());
    assert.deepEqual(files.sort(), [
      'berth/LICENSE',
      'berth/README.md',
      'berth/bin/berth.mjs',
      'berth/package.json',
      'berth/systemd/berth-ipvlan.socket',
      'berth/systemd/berth.service',
      'berth/systemd/berth.socket',
    ]);
  });

  it('has no dependencies, runs nothing while it is installed, and has a bounded size', () => {
    const text = readFileSync(path.join(installed, 'berth/package.json'), 'utf8');
    const keys = Object.keys(v.parse(v.record(v.string(), v.unknown()), JSON.parse(text)));
    assert.deepEqual(
      keys.filter((key) => /dependencies|scripts|gyp|workspaces|private/i.test(key)),
      [],
    );
    assert.ok(statSync(path.join(made, tarball)).size < MIB);
  });

  it('starts by its name, and prints its version and nothing more', () => {
    const { status, stdout, stderr } = berth('--version');
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  it('reports that it has no embedded cloud, and creates nothing', () => {
    const { status, stderr } = berth('up', '--data', path.join(scratch, 'up'), '--sockets', path.join(scratch, 'ups'));
    assert.equal(status, 1);
    assert.equal(stderr, 'berth: this installation has no embedded cloud; use berth shim --endpoint URL\n');
    assert.equal(existsSync(path.join(scratch, 'up')), false);
  });

  it('serves dockerd in front of functions elsewhere', async (test) => {
    const folder = (name: string): string => path.join(scratch, name);
    const cloud = await startBerth(['up', '--data', folder('c'), '--sockets', folder('cs'), '--host-id', 'cloud']);
    test.after(() => cloud.stop());
    const endpoint = `unix:${folder('c/cloud/capabilities.sock')}`;
    const args = ['shim', '--data', folder('d'), '--sockets', folder('s'), '--endpoint', endpoint, '--host-id', 'h'];
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    const shim = await startBerth(args, (_node, [, ...rest]) =>
      spawn(...endingWithUs(program, rest), { stdio, env, cwd: '/' }),
    );
    test.after(() => shim.stop());
    const body = { AddressSpace: 'default', Pool: '10.70.0.0/24', SubPool: '', Options: null, V6: false };
    const { json } = await callPlugin(folder('s/berth.sock'), 'IpamDriver.RequestPool', body);
    assert.equal(json['Pool'], '10.70.0.0/24', JSON.stringify(json));
    assert.equal(await shim.stop(), 0);
  });

  it('needs no file except for the program itself', () => {
    const alone = path.join(mkdtempSync(path.join(scratch, 'alone-')), 'berth');
    execFileSync('cp', [path.join(made, 'berth.mjs'), alone]);
    assert.equal(execFileSync(alone, ['--version'], { encoding: 'utf8', env }), `${manifest.version}\n`);
    const code = readFileSync(alone, 'utf8');
    const imported = [...code.matchAll(/^import .*? from ["']([^"']+)["'];$/gm)].map(([, name = '']) => name);
    assert.ok(imported.length > 0);
    assert.deepEqual(
      imported.filter((name) => !name.startsWith('node:')),
      [],
    );
  });

  it('names the Node version that it needs when an older one runs it', () => {
    const older = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.17.1' } })";
    const args = ['--import', `data:text/javascript,${older}`, path.join(made, 'berth.mjs'), '--version'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
    const words = 'berth: Node 22.18 or later is required, this is 22.17.1\n';
    assert.deepEqual({ status, stdout, stderr }, { status: 1, stdout: '', stderr: words });
  });

  it("contains the licenses of other projects' code that is in it", () => {
    const code = readFileSync(path.join(made, 'berth.mjs'), 'utf8');
    const packages = [...code.matchAll(/^\/\/ node_modules\/((?:@[^/]+\/)?[^/]+)\//gm)].map(([, name = '']) => name);
    assert.ok(packages.includes('valibot'));
    const notices = code.slice(code.indexOf('This file contains:'));
    const named = (name: string): string => {
      const text = readFileSync(path.join(root, 'node_modules', name, 'package.json'), 'utf8');
      return v.parse(v.object({ name: v.string() }), JSON.parse(text)).name;
    };
    const missing = [...new Set(packages)].filter((name) => !notices.includes(`\n${named(name)} `));
    assert.deepEqual(missing, []);
  });

  it('is the same byte for byte in another folder, time zone and umask', () => {
    const again = path.join(scratch, 'again');
    const build = `
      process.umask(0o077);
      const { packageShim } = await import(process.argv[1]);
      await packageShim(process.argv[2]);`;
    const module = path.join(root, 'infra/host/npm-package.ts');
    const args = ['--input-type=module', '-e', build, module, again];
    execFileSync(process.execPath, args, { env: { ...env, TZ: 'Asia/Tokyo' }, stdio: ['ignore', 'ignore', 'inherit'] });
    for (const file of ['berth.mjs', tarball]) {
      assert.ok(readFileSync(path.join(again, file)).equals(readFileSync(path.join(made, file))), file);
    }
  });
});
