/** Starts a fleet of hosts, each as a separate process, on one table, kills some of them, and collects the results. */
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { spaceKey } from '../../../functions/dynamo/keys.ts';
import { createTable } from '../../../infra/local/create-table.ts';
import { type Engine, startEngine } from '../../../infra/local/engine.ts';
import { environmentOf, localClient } from '../../support/engine-store.ts';
import { scaled } from '../../support/deadlines.ts';
import { chance } from '../../support/interleaving.ts';
import { METHODS } from '../../../protocol/methods.ts';
import { type Contents, readContents } from './contents.ts';
import { type Operation, readHistory } from './history.ts';
import { AUTOMATIC_RANGE, AUTOMATIC_SIZE, SPACE } from './life.ts';
import type { Plan } from './plan.ts';

export interface FleetWish {
  /** The folder of the code that the hosts run. */
  readonly root: string;
  readonly seed: number;
  readonly hosts: number;
  /** How many of them are killed. */
  readonly killed: number;
  /** The number of steps of each host. */
  readonly actions: number;
}

const TABLE = 'berth-processes';
/** A doomed host is killed within this many ms of the start of its last call, usually early. */
const LONGEST_AGONY = 1_000;
/** ms after which everything that a killed host had sent has arrived. */
const SETTLED = 300;

interface Host {
  readonly plan: Plan;
  readonly child: ChildProcess;
  /** Resolves when the host prints the word, or has ended. */
  readonly heard: (word: string) => Promise<void>;
}

export class ProcessFleet {
  readonly #wish: FleetWish;
  readonly #engine: Engine;
  readonly #hosts: Host[] = [];
  /** Histories and logs; kept for inspection when a check fails. */
  readonly folder: string;
  readonly client: DynamoDBClient;
  readonly table = TABLE;

  private constructor(wish: FleetWish, engine: Engine) {
    this.#wish = wish;
    this.#engine = engine;
    this.folder = mkdtempSync(path.join(tmpdir(), 'berth-processes-'));
    this.client = localClient(engine.url);
  }

  static async start(wish: FleetWish): Promise<ProcessFleet> {
    const fleet = new ProcessFleet(wish, await startEngine(undefined));
    try {
      await fleet.#furnish();
      await fleet.#startHosts();
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  /** Lets all hosts act at once; some are killed during a call. */
  async live(): Promise<void> {
    const doomed = this.#hosts.filter(({ plan }) => plan.death !== undefined);
    const deaths = doomed.map(async ({ heard, child, plan }) => {
      await heard('dying');
      await delay(chance(plan.seed)() ** 3 * LONGEST_AGONY);
      child.kill('SIGKILL');
      await heard('exit');
    });
    const lives = this.#living().map(({ heard }) => heard('done'));
    for (const { child } of this.#hosts) child.send('go');
    await Promise.all([...deaths, ...lives]);
    await delay(scaled(SETTLED));
  }

  /** Lets all live hosts release everything at once. */
  async giveBack(): Promise<void> {
    for (const { child } of this.#living()) child.send('give back');
    await Promise.all(this.#hosts.map(({ heard }) => heard('exit')));
  }

  /** Hosts that ended in an unexpected way. */
  failures(): string[] {
    return this.#hosts.flatMap(({ plan, child: { exitCode, signalCode } }) => {
      const isAsMeant = plan.death === undefined ? exitCode === 0 : signalCode === 'SIGKILL';
      return isAsMeant ? [] : [`${plan.hostId} ended with ${signalCode ?? String(exitCode)}`];
    });
  }

  history(): Operation[] {
    return this.#hosts.flatMap(({ plan }) => readHistory(plan.history, plan.hostId));
  }

  contents(): Promise<Contents> {
    return readContents(this.client, TABLE);
  }

  async stop(): Promise<void> {
    for (const { child, heard } of this.#hosts) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await heard('exit');
    }
    this.client.destroy();
    await this.#engine.stop();
  }

  removeFolder(): void {
    rmSync(this.folder, { recursive: true });
  }

  #living(): Host[] {
    return this.#hosts.filter(({ plan }) => plan.death === undefined);
  }

  async #furnish(): Promise<void> {
    await createTable(this.client, TABLE);
    const space = { ...spaceKey(SPACE), ranges: [AUTOMATIC_RANGE], size4: AUTOMATIC_SIZE, cooldown: 2_000 };
    await this.client.send(new PutItemCommand({ TableName: TABLE, Item: marshall(space) }));
  }

  /** Starts the first host alone: it fills the compile cache for the others. */
  async #startHosts(): Promise<void> {
    mkdirSync(path.join(this.folder, 'cache'));
    for (let index = 0; index < this.#wish.hosts; index++) {
      this.#hosts.push(this.#startHost(this.#planOf(index)));
      if (index === 0) await this.#hosts[0]?.heard('ready');
    }
    await Promise.all(this.#hosts.map(({ heard }) => heard('ready')));
  }

  #planOf(index: number): Plan {
    const { seed, actions, killed } = this.#wish;
    const hostId = `host-${index}`;
    const method = METHODS[index % METHODS.length] ?? 'RequestPool';
    return {
      hostId,
      seed: seed + index,
      actions,
      history: path.join(this.folder, `${hostId}.history`),
      ...(index < killed && { death: { method, afterCalls: actions / 2 + (index % 7) } }),
    };
  }

  #startHost(plan: Plan): Host {
    const log = openSync(path.join(this.folder, `${plan.hostId}.log`), 'w');
    const child = fork(path.join(this.#wish.root, 'test/system/processes/host.ts'), [JSON.stringify(plan)], {
      stdio: ['ignore', log, log, 'ipc'],
      env: {
        ...process.env,
        ...environmentOf({ table: TABLE, endpoint: this.#engine.url }),
        NODE_COMPILE_CACHE: path.join(this.folder, 'cache'),
      },
    });
    closeSync(log);
    return { plan, child, heard: hearing(child) };
  }
}

/** Records the words that a process has printed. Its end counts as all words, so that no caller waits for a dead process. */
function hearing(child: ChildProcess): (word: string) => Promise<void> {
  const said = new Set<unknown>();
  const waiting = new Map<string, () => void>();
  child.on('message', (word) => {
    said.add(word);
    if (typeof word === 'string') waiting.get(word)?.();
  });
  child.once('exit', () => {
    said.add('exit');
    for (const wake of waiting.values()) wake();
  });
  return (word) =>
    new Promise((resolve) => {
      if (said.has(word) || said.has('exit')) resolve();
      else waiting.set(word, resolve);
    });
}
