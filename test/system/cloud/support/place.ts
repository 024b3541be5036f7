/**
 * Where the emulator runs, and all that asks it: a network namespace with nothing but loopback, in which every name of the
 * world is this place, and an environment that has nothing of the machine's. So whatever runs here, with whatever it
 * believes to be AWS, reaches the emulator or nobody.
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
  /** All of the environment of what runs here. */
  readonly env: NodeJS.ProcessEnv;
  readonly #holder: Holder;

  private constructor(folder: string, holder: Holder, env: NodeJS.ProcessEnv) {
    this.folder = folder;
    this.#holder = holder;
    this.env = env;
  }

  /** @param programs those that are found before the system's, by name: each is a command with its first arguments. */
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

  /** A process of which others may be told, as by `ip link … netns`. */
  get pid(): number {
    return this.#holder.pid;
  }

  /** Runs a command to its end; what it is to know beside the place's environment is given. */
  run(command: string, args: readonly string[], { env, cwd = '/', timeoutMs }: CommandOptions = {}): Promise<Outcome> {
    const inside = this.#inside([command, ...args], cwd);
    return run('nsenter', inside, { env: { ...this.env, ...env }, ...(timeoutMs !== undefined && { timeoutMs }) });
  }

  /** Starts a process that ends with the place or the test at the latest. */
  spawn(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): PlaceProcess {
    const inside = ['nsenter', ...this.#inside(['setpriv', '--pdeathsig', 'KILL', command, ...args], '/')];
    return spawn('setpriv', ['--pdeathsig', 'KILL', ...inside], { env: { ...this.env, ...env }, stdio: 'pipe' });
  }

  /** Ends all that runs here. */
  stop(): Promise<void> {
    return this.#holder.end();
  }

  #inside(command: readonly string[], cwd: string): string[] {
    const namespaces = ['--target', this.#holder.ready, '--net', '--uts', '--mount', '--pid'];
    return [...namespaces, '--', 'env', '-C', cwd, ...command];
  }
}
