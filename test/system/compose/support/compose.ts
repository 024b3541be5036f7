/** Docker Compose on a simulated host: Debian's version, and the newest one that builds here. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { output, run } from '../../engine/support/command.ts';
import type { Host } from '../../engine/support/host.ts';

/** Versions after 5.5.1 need a newer Go than the engine (test/system/engine/support/build-engine-29.sh). */
export const VERSIONS = ['debian', '5.5.1'] as const;
export type ComposeVersion = (typeof VERSIONS)[number];

const MAKE_SCRIPT = path.join(import.meta.dirname, 'make-compose.sh');
const MAKE_TIMEOUT_MS = 40 * 60_000;
/** ms within which a project goes down and up, even with many containers. */
const COMPOSE_TIMEOUT_MS = 180_000;

/** The program. Its first use on a machine unpacks or builds it. @throws Error with the reason where that fails. */
export async function composeProgram(version: ComposeVersion): Promise<string> {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache');
  const key = createHash('sha256').update(readFileSync(MAKE_SCRIPT)).digest('hex').slice(0, 8);
  const folder = path.join(cache, 'berth', 'compose', `${version}-${key}`);
  if (!existsSync(folder)) await output('sh', [MAKE_SCRIPT, folder, version], { timeoutMs: MAKE_TIMEOUT_MS });
  return path.join(folder, 'docker-compose');
}

/** Makes Compose before the timeouts of the tests start. `false`: it is available; otherwise the reason, for `skip`. */
export const whyNoCompose = (version: ComposeVersion): Promise<string | false> =>
  composeProgram(version).then(
    () => false,
    (error: unknown) => `no Compose ${version} here: ${String(error).slice(0, 300)}`,
  );

const listed = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.object({ IPAddress: v.string() })));

/** One project of a host: a folder with a compose.yaml. */
export class Project {
  readonly name: string;
  readonly #host: Host;
  readonly #program: string;
  readonly #folder: string;

  constructor(host: Host, program: string, name: string, file: object) {
    this.name = name;
    this.#host = host;
    this.#program = program;
    this.#folder = path.join(host.folder, name);
    mkdirSync(this.#folder, { recursive: true });
    // JSON is YAML.
    writeFileSync(path.join(this.#folder, 'compose.yaml'), JSON.stringify(file));
  }

  /** Runs Compose to its end. @throws Error with its output when it fails. */
  async compose(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await run(this.#program, ['--project-name', this.name, ...args], {
      cwd: this.#folder,
      env: { PATH: process.env['PATH'], HOME: this.#host.folder, DOCKER_HOST: `unix://${this.#host.socket}` },
      timeoutMs: COMPOSE_TIMEOUT_MS,
    });
    if (code !== 0) throw new Error(`docker compose ${args.join(' ')}: exit code ${code}\n${stderr}`);
    return stdout;
  }

  up = (...options: readonly string[]): Promise<string> => this.compose('up', '--detach', '--quiet-pull', ...options);

  down = (): Promise<string> => this.compose('down', '--timeout', '1');

  /** Addresses of its running containers, by name of the container. */
  async addresses(): Promise<Map<string, string>> {
    const ids = await this.#host.docker('ps', '-q', '--filter', `label=com.docker.compose.project=${this.name}`);
    const found = new Map<string, string>();
    for (const id of ids.split('\n').filter((line) => line !== '')) {
      const name = await this.#host.docker('inspect', '-f', '{{.Name}}', id);
      const networks = v.parse(
        listed,
        await this.#host.docker('inspect', '-f', '{{json .NetworkSettings.Networks}}', id),
      );
      for (const { IPAddress } of Object.values(networks)) found.set(name.slice(1), IPAddress);
    }
    return found;
  }
}
