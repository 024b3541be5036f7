/** A separate systemd, as process 1 of its own namespaces: it starts and stops units as on a real machine. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Spawn } from '../../../support/berth-process.ts';
import { until } from '../../../support/deadlines.ts';
import { endingWithUs } from '../../../support/ending-with-us.ts';
import { output, run } from '../../engine/support/command.ts';
import { startHolder } from '../../engine/support/holder.ts';

export interface Systemd {
  /** Runs a command where the units run, and gives its stdout. */
  exec(command: string, ...args: string[]): Promise<string>;
  /** Starts a process outside of systemd that sees what its units see; it ends with the test at the latest. */
  readonly spawn: Spawn;
  /** Ends everything at once. */
  end(): Promise<void>;
}

const BOOT_SCRIPT = path.join(import.meta.dirname, 'boot-systemd.sh');
const PROGRAM = ['/usr/lib/systemd/systemd', '/lib/systemd/systemd'].find((file) => existsSync(file));
/** ms */
const BOOT_PAUSE = 50;
/** The minimum that services and sockets depend on, without the rest of a system. */
const STUBS = ['sysinit', 'basic', 'sockets', 'multi-user', 'network-online', 'shutdown'];

/** Why this machine cannot boot one; undefined when it can. */
export function whyNoSystemd(): string | undefined {
  if (process.platform !== 'linux') return `systemd needs Linux, this is ${process.platform}`;
  if (PROGRAM === undefined) return 'systemd is not installed here';
  if (process.getuid?.() !== 0) return 'namespaces need root';
  const probe = spawnSync('unshare', ['--net', '--mount', '--pid', '--cgroup', '--fork', 'true'], { encoding: 'utf8' });
  return probe.status === 0 ? undefined : `this machine allows no new namespaces: ${probe.stderr.trim()}`;
}

/**
 * Boots systemd; no unit is started yet.
 *
 * @param units units other than the usual targets, by name. They see the folder as /run/test, Node in /run/node.
 */
export async function bootSystemd(folder: string, units: Readonly<Record<string, string>>): Promise<Systemd> {
  writeUnits(path.join(folder, 'units'), units);
  const script = ['sh', BOOT_SCRIPT, folder, process.execPath, PROGRAM ?? ''];
  const namespaces = ['--net', '--uts', '--ipc', '--mount', '--propagation', 'private'];
  const holder = await startHolder('unshare', [...namespaces, ...script]);
  const inside = ['--target', holder.ready, '--net', '--mount', '--pid', '--cgroup', '--'];
  try {
    await untilBooted(inside);
  } catch (error) {
    await holder.end();
    throw error;
  }
  return {
    exec: (command, ...args) => output('nsenter', [...inside, command, ...args]),
    spawn: (command, args) => {
      const beside = ['--target', String(holder.pid), '--net', '--mount', '--', command, ...args];
      return spawn(...endingWithUs('nsenter', beside), { stdio: ['ignore', 'pipe', 'pipe'] });
    },
    end: () => holder.end(),
  };
}

async function untilBooted(inside: readonly string[]): Promise<void> {
  let said = '';
  const isUp = async (): Promise<boolean> => {
    const { code, stderr } = await run('nsenter', [...inside, 'systemctl', 'start', 'boot.target']);
    said = stderr;
    return code === 0;
  };
  await until(isUp, () => `systemd is up: ${said}`, { pause: BOOT_PAUSE });
}

function writeUnits(folder: string, units: Readonly<Record<string, string>>): void {
  const targets = {
    ...Object.fromEntries(STUBS.map((name) => [`${name}.target`, '[Unit]\nDefaultDependencies=no\n'])),
    'boot.target': '[Unit]\nDefaultDependencies=no\n',
  };
  for (const [name, text] of Object.entries({ ...targets, ...units })) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
