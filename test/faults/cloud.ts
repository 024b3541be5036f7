/** A local cloud as a process of its own, on an engine whose table the test can read. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { type Engine, startEngine } from '../../infra/local/engine.ts';
import { type Contents, readContents } from '../processes/contents.ts';

/** As infra/local/cloud.ts names it. */
const TABLE = 'berth';
const PROGRAM = path.join(import.meta.dirname, '../../infra/local/cloud.ts');
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local', AWS_REGION: 'local' };

const readyMessage = v.object({ ready: v.literal(true), endpoint: v.string() });

export class Cloud {
  /** For all that belongs to a run; its name is short, since a Unix socket's path has 107 bytes. */
  readonly folder: string;
  readonly #engine: Engine;
  readonly #child: ChildProcess;
  readonly #client: DynamoDBClient;
  #endpoint = '';

  private constructor(folder: string, engine: Engine, child: ChildProcess) {
    this.folder = folder;
    this.#engine = engine;
    this.#child = child;
    this.#client = new DynamoDBClient({
      endpoint: engine.url,
      region: 'local',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
  }

  static async start(): Promise<Cloud> {
    const folder = mkdtempSync(path.join(tmpdir(), 'berth-f-'));
    const engine = await startEngine(undefined);
    const cloud = new Cloud(folder, engine, startFunctions(folder, engine));
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
    return this.#endpoint;
  }

  contents(): Promise<Contents> {
    return readContents(this.#client, TABLE);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await ended;
    }
    this.#client.destroy();
    await this.#engine.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #becomeReady(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#child.on('message', (message) => {
        const parsed = v.safeParse(readyMessage, message);
        if (!parsed.success) return;
        this.#endpoint = parsed.output.endpoint;
        resolve();
      });
      this.#child.once('exit', (code) => {
        reject(new Error(`the cloud ended with ${code ?? 'a signal'} before it was ready`));
      });
    });
  }
}

function startFunctions(folder: string, engine: Engine): ChildProcess {
  mkdirSync(path.join(folder, 'cloud'));
  const log = openSync(path.join(folder, 'cloud.log'), 'w');
  const child = fork(PROGRAM, ['--data', path.join(folder, 'cloud'), '--dynamodb', engine.url], {
    stdio: ['ignore', log, log, 'ipc'],
    env: { ...process.env, ...CREDENTIALS, NODE_COMPILE_CACHE: compileCache(folder) },
  });
  closeSync(log);
  return child;
}

/** What one process compiles, the next finds. */
export const compileCache = (folder: string): string => path.join(folder, 'cache');
