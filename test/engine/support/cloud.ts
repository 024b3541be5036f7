/** A cloud that can fail by itself: the functions are one process, the table another, which the test reads. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { type Engine, startEngine } from '../../../infra/local/engine.ts';
import { type Contents, readContents } from '../../processes/contents.ts';
import { within } from './command.ts';

/** As infra/local/cloud.ts names it. */
const TABLE = 'berth';
const PROGRAM = path.join(import.meta.dirname, '../../../infra/local/cloud.ts');
const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
const START_TIMEOUT_MS = 60_000;

const readyMessage = v.object({ ready: v.literal(true) });

export class Cloud {
  readonly #folder: string;
  readonly #table: Engine;
  readonly #client: DynamoDBClient;
  #functions: ChildProcess;

  private constructor(folder: string, table: Engine) {
    this.#folder = folder;
    this.#table = table;
    this.#client = new DynamoDBClient({ endpoint: table.url, region: 'local', credentials: CREDENTIALS });
    this.#functions = spawnFunctions(folder, table.url);
  }

  /** @param folder of a host, so that its shim finds the sockets there. */
  static async start(folder: string): Promise<Cloud> {
    const cloud = new Cloud(folder, await startEngine(undefined));
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
    return `unix:${path.join(dataIn(this.#folder), 'capabilities.sock')}`;
  }

  contents(): Promise<Contents> {
    return readContents(this.#client, TABLE);
  }

  /** What is under way is cut off; nobody listens any more. */
  async crash(): Promise<void> {
    if (!this.#isRunning) return;
    const ended = once(this.#functions, 'exit');
    this.#functions.kill('SIGKILL');
    await ended;
  }

  /** Takes connections and requests and says nothing, as behind a network that has died half-way. */
  freeze(): Promise<void> {
    this.#functions.kill('SIGSTOP');
    return Promise.resolve();
  }

  /** What came while it was frozen is carried out now, though nobody waits for it any more. */
  async comeBack(): Promise<void> {
    this.#functions.kill('SIGCONT');
    if (this.#isRunning) return;
    this.#functions = spawnFunctions(this.#folder, this.#table.url);
    await this.#becomeReady();
  }

  async stop(): Promise<void> {
    await this.crash();
    this.#client.destroy();
    await this.#table.stop();
  }

  get #isRunning(): boolean {
    return this.#functions.exitCode === null && this.#functions.signalCode === null;
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
      await within(ready, START_TIMEOUT_MS, () => 'the functions were not ready in time');
    } catch (error) {
      throw new Error(readFileSync(logIn(this.#folder), 'utf8'), { cause: error });
    }
  }
}

const dataIn = (folder: string): string => path.join(folder, 'cloud');
const logIn = (folder: string): string => path.join(folder, 'cloud.log');

/** The kernel ends it with the test, frozen or not: setpriv asks for that and becomes the program. */
function spawnFunctions(folder: string, table: string): ChildProcess {
  const log = openSync(logIn(folder), 'a');
  const program = [process.execPath, PROGRAM, '--data', dataIn(folder), '--dynamodb', table];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...program], { stdio: ['ignore', log, log, 'ipc'] });
  closeSync(log);
  return child;
}
