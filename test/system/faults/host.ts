/** A host: a shim as a process, which reaches the cloud through a proxy that injects faults. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { type Berth, startBerth } from '../../support/berth-process.ts';
import { send } from '../../support/http.ts';
import { measureSlowness, scaled, until } from '../../support/deadlines.ts';
import { endingWithUs } from '../../support/ending-with-us.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import type { LocalCloud } from '../../support/local-cloud.ts';
import { type Difference, differences } from './differences.ts';
import { Dockerd } from './dockerd.ts';

/** s within which a call of dockerd is answered, on a quiet machine. */
const DEADLINE = 4;
/** ms after which a lost attempt cannot land any more, on a quiet machine; no fault here delays one for longer. */
const IN_FLIGHT_BOUND = 1_500;
/** ms within which a journal is drained once the cloud works; the pauses between attempts may have grown until then. */
const DRAIN_TIMEOUT = 60_000;
const DRAIN_PAUSE = 50;

const health = v.pipe(
  v.string(),
  v.parseJson(),
  v.looseObject({ journal: v.looseObject({ depth: v.number(), deadLetters: v.number() }) }),
);

/** A checksum, then a record (shim/journal/records.ts). */
const grantLine = v.pipe(
  v.string(),
  v.transform((line) => line.slice(line.indexOf(' ') + 1)),
  v.parseJson(),
  v.object({ kind: v.literal('result'), key: v.string(), keep: v.string() }),
);

/** What a host needs from a cloud, whatever runs the functions. */
export type HostsCloud = Pick<LocalCloud, 'folder' | 'endpoint' | 'compileCache' | 'contents'>;

export class FaultyHost {
  readonly hostId: string;
  readonly proxy: FaultProxy;
  readonly dockerds: Dockerd[] = [];
  readonly #cloud: HostsCloud;
  readonly #folder: string;
  /** s within which its shim answers a call of dockerd. */
  readonly deadline: number;
  /** ms after which its shim treats a lost attempt as no longer in flight. */
  readonly inFlightBound: number;
  #berth: Berth | undefined;

  private constructor(cloud: HostsCloud, hostId: string, folder: string, proxy: FaultProxy, deadline: number) {
    this.#cloud = cloud;
    this.hostId = hostId;
    this.#folder = folder;
    this.proxy = proxy;
    this.deadline = scaled(deadline);
    this.inFlightBound = scaled(IN_FLIGHT_BOUND);
  }

  /** @param deadline s within which a call of dockerd is answered, on a quiet machine. */
  static async start(cloud: HostsCloud, hostId: string, deadline = DEADLINE): Promise<FaultyHost> {
    const folder = path.join(cloud.folder, hostId);
    mkdirSync(path.join(folder, 'proxy'), { recursive: true });
    const proxy = await FaultProxy.open(path.join(folder, 'proxy'), cloud.endpoint);
    await measureSlowness();
    const host = new FaultyHost(cloud, hostId, folder, proxy, deadline);
    try {
      await host.startShim();
      return host;
    } catch (error) {
      await host.stop();
      throw error;
    }
  }

  async startShim(): Promise<void> {
    const args = [
      ...['shim', '--endpoint', this.proxy.endpoint, '--host-id', this.hostId],
      ...['--data', this.#data, '--sockets', path.join(this.#folder, 's')],
      ...['--deadline', String(this.deadline), '--in-flight-bound', String(this.inFlightBound)],
    ];
    const env = { ...process.env, ...this.#cloud.compileCache };
    this.#berth = await startBerth(args, (command, words) =>
      spawn(...endingWithUs(command, words), { stdio: ['ignore', 'pipe', 'pipe'], env }),
    );
  }

  async killShim(): Promise<void> {
    await this.#berth?.stop('SIGKILL');
  }

  /** Deletes the shim's records of calls that it began. */
  removeJournal(): void {
    rmSync(this.#journalFile);
  }

  /** Keys of calls whose grant is in the journal: from then on dockerd may have the answer. */
  grantedKeys(): string[] {
    const lines = readFileSync(this.#journalFile, 'utf8').split('\n');
    return lines.flatMap((line) => {
      const parsed = v.safeParse(grantLine, line);
      return parsed.success ? [parsed.output.key] : [];
    });
  }

  get log(): string {
    return this.#berth?.log() ?? '';
  }

  dockerd(pauses?: readonly number[]): Dockerd {
    const dockerd = new Dockerd(this.#socket, pauses);
    this.dockerds.push(dockerd);
    return dockerd;
  }

  /** Resolves when all calls have reached the cloud, and none can be in flight any more. */
  async drain(): Promise<void> {
    await this.proxy.heal();
    await this.proxy.quiet();
    await delay(this.inFlightBound);
    const what = () => `calls stay in the journal of ${this.hostId}\n${this.log}`;
    const isDrained = async () => (await this.#journal()).depth === 0;
    await until(isDrained, what, { milliseconds: DRAIN_TIMEOUT, pause: DRAIN_PAUSE });
  }

  /** A call that the shim gave up is a difference too: nothing corrects it. */
  async differences(): Promise<Difference[]> {
    const { deadLetters } = await this.#journal();
    const given = { text: `given up: ${deadLetters} calls\n${this.log}`, requestKey: undefined };
    const found = differences(this.hostId, this.dockerds, await this.#cloud.contents());
    return deadLetters === 0 ? found : [given, ...found];
  }

  /** @returns the shim's exit code. */
  async stop(): Promise<number | null> {
    for (const dockerd of this.dockerds) dockerd.close();
    const code = (await this.#berth?.stop()) ?? null;
    await this.proxy.close();
    return code;
  }

  get #journalFile(): string {
    return path.join(this.#data, 'journal');
  }

  get #data(): string {
    return path.join(this.#folder, 'data');
  }

  get #socket(): string {
    return path.join(this.#folder, 's/berth.sock');
  }

  /** How many calls have not yet reached the cloud, and how many never will. */
  async #journal(): Promise<v.InferOutput<typeof health>['journal']> {
    const { body } = await send({ method: 'GET', socketPath: this.#socket, path: '/Berth.Health' }, '');
    return v.parse(health, body.toString()).journal;
  }
}
