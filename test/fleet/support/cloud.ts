/** The fleet's cloud: the functions, sweep included, are one process that may crash; the table is another and stays. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { spaceKey } from '../../../functions/dynamo/keys.ts';
import { storeOver } from '../../../functions/dynamo/open.ts';
import { DEFAULT_SPACE_NAME } from '../../../functions/ipam/space.ts';
import type { Store } from '../../../functions/ipam/store.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { type Engine, startEngine } from '../../../infra/local/engine.ts';
import { within } from '../../engine/support/command.ts';
import { type Contents, readContents } from '../../processes/contents.ts';

/** As infra/local/cloud.ts names it. */
const TABLE = 'berth';
const PROGRAM = path.join(import.meta.dirname, '../../../infra/local/cloud.ts');
const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
/** ms */
const SWEEP_EVERY = '500';
const START_TIMEOUT = 60_000;

const readyMessage = v.object({ ready: v.literal(true) });

export class FleetCloud {
  readonly folder: string;
  readonly store: Store;
  readonly #engine: Engine;
  readonly #client: DynamoDBClient;
  #functions: ChildProcess;

  private constructor(engine: Engine) {
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'berth-'));
    this.#engine = engine;
    this.#client = new DynamoDBClient({ endpoint: engine.url, region: 'local', credentials: CREDENTIALS });
    this.store = storeOver(this.#client, TABLE, realWorld);
    this.#functions = this.#spawn();
  }

  static async start(): Promise<FleetCloud> {
    const cloud = new FleetCloud(await startEngine(undefined));
    try {
      await cloud.#becomeReady();
      return cloud;
    } catch (error) {
      await cloud.stop();
      throw error;
    }
  }

  /** The capabilities function's. */
  get endpoint(): string {
    return `unix:${path.join(this.folder, 'cloud/capabilities.sock')}`;
  }

  /** What a function finds in its environment. */
  get environment(): Record<string, string> {
    const { accessKeyId, secretAccessKey } = CREDENTIALS;
    return {
      ...{ BERTH_TABLE: TABLE, AWS_ENDPOINT_URL_DYNAMODB: this.#engine.url, AWS_REGION: 'local' },
      ...{ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    };
  }

  contents(): Promise<Contents> {
    return readContents(this.#client, TABLE);
  }

  /** Of the space of hosts that were told none, as an operator writes them. */
  async configure(settings: Record<string, unknown>): Promise<void> {
    const Item = marshall({ ...spaceKey(DEFAULT_SPACE_NAME), ...settings });
    await this.#client.send(new PutItemCommand({ TableName: TABLE, Item }));
  }

  /** What is under way is cut off, a sweep as well. */
  async crash(): Promise<void> {
    const ended = once(this.#functions, 'exit');
    this.#functions.kill('SIGKILL');
    await ended;
  }

  async revive(): Promise<void> {
    this.#functions = this.#spawn();
    await this.#becomeReady();
  }

  async stop(): Promise<void> {
    if (this.#functions.exitCode === null && this.#functions.signalCode === null) await this.crash();
    this.#client.destroy();
    await this.#engine.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #log(): string {
    return path.join(this.folder, 'cloud.log');
  }

  /** The kernel ends it with the test: setpriv asks for that and becomes the program. */
  #spawn(): ChildProcess {
    const log = openSync(this.#log, 'a');
    const place = ['--data', path.join(this.folder, 'cloud'), '--dynamodb', this.#engine.url];
    const program = [process.execPath, PROGRAM, ...place, '--sweep-every', SWEEP_EVERY];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...program], { stdio: ['ignore', log, log, 'ipc'] });
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
