/** The npm package that a host installs: the program as one file, its units for systemd, and no dependencies. */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { run } from '../tools/install-tools.ts';
import { bundleShim, root } from './bundle.ts';

const { name, version, description, license, engines } = manifest;

/** The part of the project's manifest that a host gets. Docker's plugins run only on Linux. */
const hostManifest = {
  name,
  version,
  description,
  license,
  type: 'module',
  os: ['linux'],
  engines,
  bin: { berth: 'bin/berth.mjs' },
};

/** Makes DIR/berth.mjs, DIR/package/ and, from that, DIR/berth-VERSION.tgz. */
export async function packageShim(dir: string): Promise<void> {
  const program = path.join(dir, 'berth.mjs');
  await bundleShim(program);
  const folder = path.join(dir, 'package');
  rmSync(folder, { recursive: true, force: true });
  place(program, path.join(folder, 'bin/berth.mjs'), 0o755);
  place(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
  place(path.join(root, 'docs/installation.md'), path.join(folder, 'README.md'));
  const units = path.join(root, 'infra/systemd');
  for (const unit of readdirSync(units)) place(path.join(units, unit), path.join(folder, 'systemd', unit));
  writeWithMode(path.join(folder, 'package.json'), `${JSON.stringify(hostManifest, undefined, 2)}\n`);
  // npm sets one fixed time and no owner for all files.
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', path.resolve(dir)], folder);
}

/** Sets the mode explicitly, so that it does not depend on the umask of the user who builds the package. */
function place(from: string, to: string, mode = 0o644): void {
  mkdirSync(path.dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, mode);
}

function writeWithMode(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o644);
}
