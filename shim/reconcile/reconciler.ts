/**
 * Compares what the table says that this host has with what Docker has, and corrects the differences: at start, then every
 * hour, and never inside a call of dockerd.
 *
 * A lease or network that seems unused is freed only if it was found twice, at least five minutes apart, with the same
 * dockerd, since an address is leased a moment before Docker shows it.
 */
import type { Logger } from 'pino';
import { messageOf } from '../error-message.ts';
import { compare, sighted } from './compare.ts';
import { type Docker, DockerError, type Watch } from './docker-api.ts';
import type { Finding } from './finding.ts';
import { type FleetRecords, FleetRecordsError, type FleetNetwork } from './fleet-records.ts';
import { describe } from './report.ts';
import type { Sightings } from './sightings.ts';
import { isIn } from './subnet.ts';

/** The parts of the shim that the reconciler needs. */
export interface Corrections {
  /** Which networks each Docker was seen with. A network that it never had is not missing there. */
  readonly sightings: Pick<Sightings, 'has' | 'note'>;
  readonly known: { readonly poolIds: readonly string[]; released(poolId: string): void };
  /** Releases a lease if it is still the one that was seen, identified by the key of its request. */
  releaseLease(poolId: string, address: string, key: string): Promise<void>;
  releaseNetwork(poolId: string): Promise<void>;
  /** Requests the address that an endpoint has. */
  claim(
    poolId: string,
    endpoint: { readonly address: string; readonly mac: string; readonly name: string },
  ): Promise<void>;
}

export interface ReconcilerOptions {
  readonly docker: Pick<Docker, 'id' | 'networks' | 'watch'>;
  readonly table: Pick<FleetRecords, 'networks' | 'revive'>;
  readonly hands: Corrections;
  /** How many engines run next to this shim. `undefined`: unknown. */
  readonly engines: () => Promise<number | undefined>;
  /** Why nothing of this host may be freed. `undefined`: it may. */
  readonly held: () => string | undefined;
  readonly log: Logger;
  /** What it does without being asked. */
  readonly mode: 'fix' | 'report' | 'off';
  /** ms between two rounds. */
  readonly every: number;
  /** ms between two sightings, after which a finding is acted on. */
  readonly secondLook: number;
  /** Until this resolves nothing is asked: the fleet has not yet confirmed that this machine is the host. */
  readonly ready: Promise<unknown>;
}

export interface Notice {
  readonly kind: Finding['kind'];
  readonly text: string;
  /** What was done, or why nothing was done yet. */
  readonly done: string;
}

export interface Report {
  /** ms since the epoch: when the round ended. `undefined`: no round has ended yet. */
  readonly at?: number;
  /** Why the round failed. `undefined`: it did not. */
  readonly failure?: string;
  readonly findings: readonly Notice[];
}

/** ms until the next round when Docker or the functions did not answer. */
const RETRY_PAUSE_MS = 60_000;
/** ms until a round that was asked for out of turn, so that several requests lead to one round. */
const FIRST_LOOK_MS = 1_000;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** Since when (ms, performance.now()) each lease or network that seems unused has been seen. */
  #suspects = new Map<string, number>();
  #watch: Watch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<Report> = Promise.resolve({ findings: [] });
  #last: Report = { findings: [] };
  #warned = '';
  /** A round was asked for since the last one began. */
  #isWanted = false;
  #isStopped = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** The report of the last round. */
  get last(): Report {
    return this.#last;
  }

  start(): void {
    if (this.#options.mode !== 'off') void this.#options.ready.then(() => this.#turn());
  }

  /** Runs a round soon, out of turn. */
  soon(): void {
    this.#isWanted = true;
    if (this.#options.mode !== 'off') this.#schedule(FIRST_LOOK_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#watch?.close();
    await this.#round;
  }

  /**
   * One round. Rounds that are asked for at the same time run one after another.
   *
   * @param named subnets and addresses that are freed on the operator's word, without proof that they are unused.
   */
  run(isFix: boolean, named: readonly string[] = []): Promise<Report> {
    this.#round = this.#round.then(() => this.#attempt(isFix, named));
    return this.#round;
  }

  #schedule(pause: number): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#turn(), pause).unref();
  }

  async #turn(): Promise<void> {
    this.#isWanted = false;
    const { failure } = await this.run(this.#options.mode === 'fix');
    this.#schedule(this.#pauseAfter(failure !== undefined));
  }

  /** @returns ms */
  #pauseAfter(hasFailed: boolean): number {
    const { mode, every, secondLook } = this.#options;
    if (this.#isWanted) return FIRST_LOOK_MS;
    if (hasFailed) return Math.min(RETRY_PAUSE_MS, every);
    return this.#suspects.size > 0 && mode === 'fix' ? Math.min(secondLook, every) : every;
  }

  async #attempt(isFix: boolean, named: readonly string[]): Promise<Report> {
    if (this.#isStopped) return { failure: 'the shim is stopping', findings: [] };
    try {
      this.#last = { ...(await this.#reconcile(isFix, named)), at: Date.now() };
      this.#warned = '';
    } catch (error) {
      // Neither an incomplete round nor those before it prove anything.
      this.#suspects.clear();
      this.#watch?.close();
      const failure = messageOf(error);
      this.#warn(failure, error);
      this.#last = { failure, findings: [], at: Date.now() };
    }
    return this.#last;
  }

  /** Warns once per reason. Even an unexpected error must not end the shim, since dockerd's calls matter more. */
  #warn(failure: string, error: unknown): void {
    if (failure === this.#warned) return;
    this.#warned = failure;
    const text = `Docker was not compared with the table: ${failure}`;
    if (error instanceof DockerError || error instanceof FleetRecordsError) this.#options.log.warn(text);
    else this.#options.log.error({ err: error }, text);
  }

  async #reconcile(isFix: boolean, named: readonly string[]): Promise<Report> {
    const { docker, table, hands } = this.#options;
    const watch = await this.#sameDocker();
    const id = await docker.id();
    const before = await docker.networks();
    const addressesIn = (pool: string): string[] =>
      before
        .flatMap(({ endpoints }) => endpoints)
        .flatMap(({ addresses }) => addresses.filter((address) => isIn(address, pool)));
    const known = hands.known.poolIds;
    const networks = await table.networks(known, addressesIn);
    const after = await docker.networks();
    if (watch.isOver) throw new DockerError('dockerd ended during the comparison');
    const views = { before, table: networks, after };
    const findings = compare(views);
    hands.sightings.note(
      id,
      sighted(views),
      networks.map(({ key }) => key),
    );
    this.#forgetReleased(id, networks, findings);
    const suspects = this.#suspect(findings);
    const why = await this.#whyNothing();
    const told: Notice[] = [];
    for (const finding of findings) {
      const text = describe(finding);
      const doubt = this.#doubt(finding, id, suspects, why);
      const isNamed = named.includes(placeOf(finding));
      const done =
        doubt !== undefined && !isNamed
          ? doubt
          : isFix || isNamed
            ? await this.#mend(finding)
            : this.#intent(finding, text);
      told.push({ kind: finding.kind, text, done });
    }
    this.#note(told);
    return { findings: told };
  }

  /** Logs each finding once. */
  #note(told: readonly Notice[]): void {
    const known = new Set(this.#last.findings.map(lineOf));
    for (const one of told) {
      if (known.has(lineOf(one))) continue;
      this.#options.log[one.kind === 'conflict' || one.done !== DONE ? 'warn' : 'info'](
        { kind: one.kind, done: one.done },
        one.text,
      );
    }
  }

  /** The watch on dockerd. When dockerd has restarted, earlier suspicions are dropped. */
  async #sameDocker(): Promise<Watch> {
    if (this.#watch?.isOver === false) return this.#watch;
    this.#suspects.clear();
    this.#watch = await this.#options.docker.watch();
    return this.#watch;
  }

  /** Why nothing is freed on this host. `undefined`: it may be freed. */
  async #whyNothing(): Promise<string | undefined> {
    const held = this.#options.held();
    if (held !== undefined) return `not mended: ${held}`;
    const engines = (await this.#options.engines()) ?? 1;
    return engines > 1 ? `not mended: ${engines} Docker engines run on this host, and only one was asked` : undefined;
  }

  /** A network that is gone from both the table and Docker need not be remembered. */
  #forgetReleased(id: string, networks: readonly FleetNetwork[], findings: readonly Finding[]): void {
    const { known, sightings } = this.#options.hands;
    const wanted = new Set(
      findings.flatMap((finding) => (finding.kind === 'forgotten-network' ? [finding.network.key] : [])),
    );
    for (const { state, key, poolId } of networks) {
      if (state === 'gone' && !wanted.has(key) && sightings.has(id, key)) known.released(poolId);
    }
  }

  /** Remembers what seems unused. @returns what has been seen for long enough. */
  #suspect(findings: readonly Finding[]): ReadonlySet<string> {
    const now = performance.now();
    const seen = findings.flatMap((finding) => suspicion(finding) ?? []);
    this.#suspects = new Map(seen.map((id) => [id, this.#suspects.get(id) ?? now]));
    return new Set(seen.filter((id) => now - (this.#suspects.get(id) ?? now) >= this.#options.secondLook));
  }

  /** Why a lease or network that seems unused is not freed. `undefined`: it may be, or the finding is of another kind. */
  #doubt(finding: Finding, engine: string, suspects: ReadonlySet<string>, why: string | undefined): string | undefined {
    if (finding.kind !== 'leaked-lease' && finding.kind !== 'leaked-network') return undefined;
    if (why !== undefined) return `${why}${remedyOf(finding)}`;
    if (!this.#options.hands.sightings.has(engine, finding.network.key)) return `${STRANGER}${remedyOf(finding)}`;
    if (suspects.has(suspicion(finding) ?? '')) return undefined;
    const minutes = Math.ceil(this.#options.secondLook / 60_000);
    return `seen only recently; freed if it is still unused after ${minutes} minutes`;
  }

  /** What a fix would do, or why the last fix failed. */
  #intent(finding: Finding, text: string): string {
    if (isForPeople(finding)) return YOURS;
    return this.#last.findings.find((one) => one.text === text && one.done.startsWith(FAILED))?.done ?? 'to be mended';
  }

  async #mend(finding: Finding): Promise<string> {
    const { hands, table } = this.#options;
    try {
      switch (finding.kind) {
        case 'leaked-lease':
          await hands.releaseLease(finding.network.poolId, finding.lease.address, finding.lease.key);
          return DONE;
        case 'leaked-network':
          await hands.releaseNetwork(finding.network.poolId);
          return DONE;
        case 'missing-lease':
          await hands.claim(finding.network.poolId, finding.endpoint);
          return DONE;
        case 'forgotten-network': {
          const taken = await table.revive(finding.network.poolId, finding, finding.endpoints);
          if (taken.length === 0) return DONE;
          return `taken up again, except for ${taken.map(({ address, holder }) => `${address}, ${holder}`).join('; ')}`;
        }
        case 'conflict':
        case 'unclear-lease':
        case 'unclear-network':
        case 'former-network':
        case 'unknown-network':
          return YOURS;
      }
    } catch (error) {
      if (error instanceof FleetRecordsError) return `${FAILED}${error.message}`;
      throw error;
    }
  }
}

const DONE = 'mended';
const STRANGER = 'not mended: this Docker was never seen with that network, so another Docker may have it';
/** The argument of `berth doctor --free`: an address or a subnet. */
const placeOf = (finding: Finding): string =>
  finding.kind === 'leaked-lease'
    ? finding.lease.address
    : finding.kind === 'leaked-network'
      ? finding.network.pool
      : '';
const remedyOf = (finding: Finding): string => `; if nothing uses it, run berth doctor --free ${placeOf(finding)}`;
const FAILED = 'not mended: ';
const YOURS = 'Berth cannot mend this';

const FOR_PEOPLE: readonly Finding['kind'][] = [
  'conflict',
  'former-network',
  'unclear-lease',
  'unclear-network',
  'unknown-network',
];
const isForPeople = ({ kind }: Finding): boolean => FOR_PEOPLE.includes(kind);

const lineOf = ({ text, done }: Notice): string => `${text}: ${done}`;

/** Identifies a lease or network that seems unused, and distinguishes it from a later one with the same address. */
function suspicion(finding: Finding): string | undefined {
  if (finding.kind === 'leaked-lease') return `${finding.network.key} ${finding.lease.address} ${finding.lease.key}`;
  return finding.kind === 'leaked-network' ? finding.network.key : undefined;
}
