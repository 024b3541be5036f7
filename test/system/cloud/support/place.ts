/**
 * Where the emulator and its clients run: a network namespace with only the loopback interface, in which every name
 * resolves to this place, and an environment without the machine's settings. So a program here that calls AWS reaches the
 * emulator or nothing.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { type CommandOptions, type Outcome, run } from '../../engine/support/command.ts';
import { type Holder, startHolder } from '../../engine/support/holder.ts';

const HOLD_SCRIPT = path.join(import.meta.dirname, 'hold-place.sh');
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

type PlaceProcess = ChildProcessByStdio<Writable, Readable, Readable>;

export class Place {
  /** Gone after stop(). */
  readonly folder: string;
  /** The complete environment of programs here. */
  readonly env: NodeJS.ProcessEnv;
  readonly #holder: Holder;

  private constructor(folder: string, holder: Holder, env: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.#holder = holder;
    this.env = env;
  }

  /** @param programs found before the system's, by name: each is a command with its first arguments. */
  static async start(programs: Readonly<Record<string, readonly string[]>>): Promise<Place> {
    const folder = mkdtempSync(path.join(os.tmpdir(), `berth-${process.pid}-`));
    const sub = (name: string): string => path.join(folder, name);
    for (const name of ['home', 'tmp', 'bin']) mkdirSync(sub(name));
    for (const [name, command] of Object.entries(programs)) {
      writeFileSync(sub(`bin/${name}`), `#!/bin/sh\nexec ${command.join(' ')} "$@"\n`, { mode: 0o755 });
    }
    const holder = await startHolder('unshare', [
      ...['--net', '--uts', '--mount', '--propagation', 'private'],
      ...['sh', HOLD_SCRIPT, folder],
    ]);
    const PATH = [sub('bin'), path.dirname(process.execPath), ...SYSTEM_FOLDERS].join(':');
    return new Place(folder, holder, { PATH, HOME: sub('home'), TMPDIR: sub('tmp'), LANG: 'C.UTF-8' });
  }

  /** A process that other programs can refer to, as in `ip link … netns`. */
  get pid(): number {
    return this.#holder.pid;
  }

  /** Runs a command to its end, with additional variables on top of the place's environment. */
  run(command: string, args: readonly string[], { env, cwd = '/', timeoutMs }: CommandOptions = {}): Promise<Outcome> {
    const inside = this.#inside([command, ...args], cwd);
    return run('nsenter', inside, { env: { ...this.env, ...env }, ...(timeoutMs !== undefined && { timeoutMs }) });
  }

  /** Starts a process that ends with the place or the test at the latest. */
  spawn(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): PlaceProcess {
    const inside = ['nsenter', ...this.#inside(['setpriv', '--pdeathsig', 'KILL', command, ...args], '/')];
    return spawn('setpriv', ['--pdeathsig', 'KILL', ...inside], { env: { ...this.env, ...env }, stdio: 'pipe' });
  }

  /** Ends everything that runs here. */
  stop(): Promise<void> {
    return this.#holder.end();
  }

  #inside(command: readonly string[], cwd: string): string[] {
    const namespaces = ['--target', this.#holder.ready, '--net', '--uts', '--mount', '--pid'];
    return [...namespaces, '--', 'env', '-C', cwd, ...command];
  }
}
