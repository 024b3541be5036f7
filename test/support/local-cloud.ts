/** A cloud that can fail on its own: the functions are one process, the table another, which the test reads. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { spaceKey } from '../../functions/dynamo/keys.ts';
import { storeOver } from '../../functions/dynamo/open.ts';
import { DEFAULT_SPACE_NAME } from '../../functions/ipam/space.ts';
import type { Store } from '../../functions/ipam/store.ts';
import { realWorld } from '../../functions/lambda/world.ts';
import { type Engine, startEngine } from '../../infra/local/engine.ts';
import { type Contents, readContents } from '../system/processes/contents.ts';
import { environmentOf, localClient } from './engine-store.ts';
import { within } from './deadlines.ts';
import { endingWithUs } from './ending-with-us.ts';

/** The name in infra/local/cloud.ts. */
const TABLE = 'berth';
const PROGRAM = path.join(import.meta.dirname, '../../infra/local/cloud.ts');
/** ms */
const START_TIMEOUT = 60_000;

const readyMessage = v.object({ ready: v.literal(true) });

export interface LocalCloudOptions {
  /** The folder of its data and sockets, for a host whose shim must find them there. `undefined`: a folder of its own. */
  readonly folder?: string;
  /** ms between two sweeps. */
  readonly sweepEvery?: number;
}

export class LocalCloud {
  /** For all its files; its name is short, since a Unix socket's path has at most 107 bytes. */
  readonly folder: string;
  /** Of the table. */
  readonly client: DynamoDBClient;
  readonly store: Store;
  readonly #options: LocalCloudOptions;
  readonly #engine: Engine;
  #functions: ChildProcess;

  private constructor(options: LocalCloudOptions, engine: Engine) {
    this.folder = options.folder ?? mkdtempSync(path.join(os.tmpdir(), 'berth-'));
    this.#options = options;
    this.#engine = engine;
    this.client = localClient(engine.url);
    this.store = storeOver(this.client, TABLE, realWorld);
    this.#functions = this.#spawn();
  }

  static async start(options: LocalCloudOptions = {}): Promise<LocalCloud> {
    const cloud = new LocalCloud(options, await startEngine(undefined));
    try {
      await cloud.#becomeReady();
      return cloud;
    } catch (error) {
      await cloud.stop();
      throw error;
    }
  }

  /** The endpoint of the capabilities function. */
  get endpoint(): string {
    return `unix:${path.join(this.#data, 'capabilities.sock')}`;
  }

  /** What a function finds in its environment. */
  get environment(): Record<string, string> {
    return environmentOf({ table: TABLE, endpoint: this.#engine.url });
  }

  /** The compile cache that its processes share. */
  get compileCache(): Record<string, string> {
    return { NODE_COMPILE_CACHE: path.join(this.folder, 'cache') };
  }

  contents(): Promise<Contents> {
    return readContents(this.client, TABLE);
  }

  /** A space, by default that of hosts without a given one, as an operator writes it. */
  async configure(settings: Record<string, unknown>, space = DEFAULT_SPACE_NAME): Promise<void> {
    const Item = marshall({ ...spaceKey(space), ...settings });
    await this.client.send(new PutItemCommand({ TableName: TABLE, Item }));
  }

  /** Cuts off the calls in progress, including a sweep; no process listens any more. */
  async crash(): Promise<void> {
    if (!this.#isRunning) return;
    const ended = once(this.#functions, 'exit');
    this.#functions.kill('SIGKILL');
    await ended;
  }

  /** Accepts connections and requests and does not answer, as behind a network that fails halfway. */
  freeze(): Promise<void> {
    this.#functions.kill('SIGSTOP');
    return Promise.resolve();
  }

  /** Requests that arrived while it was frozen are carried out now, though no caller waits for them any more. */
  async comeBack(): Promise<void> {
    this.#functions.kill('SIGCONT');
    if (this.#isRunning) return;
    this.#functions = this.#spawn();
    await this.#becomeReady();
  }

  async stop(): Promise<void> {
    await this.crash();
    this.client.destroy();
    await this.#engine.stop();
    if (this.#options.folder === undefined) rmSync(this.folder, { recursive: true, force: true });
  }

  get #data(): string {
    return path.join(this.folder, 'cloud');
  }

  get #log(): string {
    return path.join(this.folder, 'cloud.log');
  }

  get #isRunning(): boolean {
    return this.#functions.exitCode === null && this.#functions.signalCode === null;
  }

  /** The kernel ends the process with the test, even if it is frozen. */
  #spawn(): ChildProcess {
    const { sweepEvery } = this.#options;
    const sweeps = sweepEvery === undefined ? [] : ['--sweep-every', String(sweepEvery)];
    const args = ['--data', this.#data, '--dynamodb', this.#engine.url, ...sweeps];
    const log = openSync(this.#log, 'a');
    const child = spawn(...endingWithUs(process.execPath, [PROGRAM, ...args]), {
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...process.env, ...this.environment, ...this.compileCache },
    });
    closeSync(log);
    return child;
  }

  async #becomeReady(): Promise<void> {
    const functions = this.#functions;
    const ready = new Promise<void>((resolve, reject) => {
      functions.on('message', (message) => {
        if (v.is(readyMessage, message)) resolve();
      });
      functions.once('exit', () => {
        reject(new Error('the functions have ended'));
      });
    });
    try {
      await within(ready, START_TIMEOUT, () => 'the functions were not ready in time');
    } catch (error) {
      throw new Error(readFileSync(this.#log, 'utf8'), { cause: error });
    }
  }
}
