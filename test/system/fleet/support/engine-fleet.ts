/** Several Docker hosts on one LAN and one cloud. Each host may crash, or lose the LAN or the cloud. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type Diagnosis, askDoctor } from '../../../../shim/commands/doctor.ts';
import type { Berth } from '../../../support/berth-process.ts';
import { scaled, until } from '../../../support/deadlines.ts';
import { FaultProxy } from '../../../support/fault-proxy.ts';
import { LocalCloud } from '../../../support/local-cloud.ts';
import { startShim, untilOpen } from '../../engine/support/berth.ts';
import { type EngineVersion, engine } from '../../engine/support/engines.ts';
import { type Holdings, heldByDocker } from '../../engine/support/holdings.ts';
import { type Host, type Lan, startHost, startLan } from '../../engine/support/host.ts';

/**
 * s: a deadline so short that calls fail soon while the cloud is away. ms: the time that a function may take; the interval
 * of comparisons between Docker and the table; the time after which Docker shows what a call has leased.
 */
const TIMES = [
  ...['--deadline', String(scaled(5)), '--in-flight-bound', String(scaled(10_000))],
  ...['--reconcile-every', '1000', '--second-look', String(scaled(15_000))],
];
const POLL_MS = 500;
const LATEST_MS = 60_000;

/** ms between the sweeps of a fleet whose tests wait for sweeps. */
export const SWEEP_EVERY = 500;

export class Member {
  readonly host: Host;
  /** Its way to the cloud. */
  readonly #proxy: FaultProxy;
  #shim: Berth | undefined;

  private constructor(host: Host, proxy: FaultProxy) {
    this.host = host;
    this.#proxy = proxy;
  }

  static async start(host: Host, endpoint: string): Promise<Member> {
    const folder = path.join(host.folder, 'proxy');
    mkdirSync(folder);
    const member = new Member(host, await FaultProxy.open(folder, endpoint));
    try {
      await member.startShim();
      return member;
    } catch (error) {
      await member.stop();
      throw error;
    }
  }

  get name(): string {
    return this.host.name;
  }

  async startShim(): Promise<void> {
    this.#shim = await startShim(this.host, this.#proxy.endpoint, ...TIMES);
  }

  async killShim(): Promise<void> {
    await this.#shim?.stop('SIGKILL');
  }

  /** Kills dockerd and the shim at once. */
  async crash(): Promise<void> {
    await Promise.all([this.killShim(), this.host.crash()]);
  }

  /** Starts the shim before Docker, like a booting host. */
  async comeUp(): Promise<void> {
    await this.startShim();
    await this.host.start();
  }

  async loseCloud(): Promise<void> {
    await this.#proxy.shut('refuse');
  }

  async findCloud(): Promise<void> {
    await this.#proxy.heal();
  }

  /** Off the LAN, and without the cloud. */
  async cutOff(): Promise<void> {
    await this.host.cable?.cut();
    await this.loseCloud();
  }

  async heal(): Promise<void> {
    await this.host.cable?.heal();
    await this.findCloud();
  }

  /** Resolves when all calls of the shim have reached the cloud. */
  async untilHeard(): Promise<void> {
    await untilOpen(this.host, (depth) => depth === 0);
  }

  /** Where Docker and the table differ. */
  async findings(): Promise<Diagnosis['findings']> {
    return (await askDoctor(path.join(this.host.pluginsDir, 'berth.sock'), false)).findings;
  }

  async stop(): Promise<void> {
    await this.#shim?.stop();
    await this.#proxy.close();
    await this.host.stop();
  }
}

export class EngineFleet {
  readonly cloud: LocalCloud;
  readonly members: readonly Member[];
  readonly #lan: Lan;

  private constructor(lan: Lan, cloud: LocalCloud, members: readonly Member[]) {
    this.#lan = lan;
    this.cloud = cloud;
    this.members = members;
  }

  /** @param versions the engine of each host, by its name. */
  static async start(versions: Readonly<Record<string, EngineVersion>>): Promise<EngineFleet> {
    const lan = await startLan('fleet');
    const cloud = await LocalCloud.start({ sweepEvery: SWEEP_EVERY });
    const starting = Object.entries(versions).map(async ([name, version]) =>
      Member.start(await startHost({ engine: await engine(version), name, lan }), cloud.endpoint),
    );
    const outcomes = await Promise.allSettled(starting);
    const fleet = new EngineFleet(
      lan,
      cloud,
      outcomes.filter(isFulfilled).map(({ value }) => value),
    );
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure === undefined) return fleet;
    await fleet.stop();
    throw new Error('not all hosts came up', { cause: failure.reason });
  }

  member(name: string): Member {
    const found = this.members.find((member) => member.name === name);
    if (found === undefined) throw new Error(`this fleet has no host ${name}`);
    return found;
  }

  /** Resolves when all calls have reached the cloud, and no host has anything left to correct. */
  async untilAgreed(): Promise<void> {
    await Promise.all(this.members.map((member) => member.untilHeard()));
    let found: Diagnosis['findings'] = [];
    const isAgreed = async (): Promise<boolean> => {
      found = (await Promise.all(this.members.map((member) => member.findings()))).flat();
      return found.length === 0;
    };
    const what = () => `Docker and the table agree: ${JSON.stringify(found)}`;
    await until(isAgreed, what, { milliseconds: LATEST_MS, pause: POLL_MS });
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
    await this.cloud.stop();
    await this.#lan.stop();
  }
}

const isFulfilled = <T>(outcome: PromiseSettledResult<T>): outcome is PromiseFulfilledResult<T> =>
  outcome.status === 'fulfilled';

/** What Docker has on several hosts together. A gateway that they share is one. */
export async function heldByAll(members: readonly Member[]): Promise<Holdings> {
  const each = await Promise.all(members.map(({ host }) => heldByDocker(host)));
  const all = (of: (held: Holdings) => readonly string[]): string[] => each.flatMap(of).toSorted();
  return {
    pools: [...new Set(all(({ pools }) => pools))],
    networks: all(({ networks }) => networks),
    endpoints: all(({ endpoints }) => endpoints),
    gateways: [...new Set(all(({ gateways }) => gateways))],
  };
}
