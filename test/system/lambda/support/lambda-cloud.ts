/** The packages under AWS's runtime client, each behind its own URL, and the means to disturb them. */
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import type { Server } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { FunctionName } from '../../../../infra/build.ts';
import { createTable } from '../../../../infra/local/create-table.ts';
import { type Engine, startEngine } from '../../../../infra/local/engine.ts';
import { functionUrl } from '../../../../infra/local/function-url.ts';
import { REACHABLE } from '../../../../infra/local/handlers.ts';
import { openKeyring } from '../../../../infra/local/keyring.ts';
import { scheduledEvent } from '../../../../infra/local/ticker.ts';
import { signatureVerifier } from '../../../../infra/local/verify-signature.ts';
import { closeServer } from '../../../../shim/close-server.ts';
import { type Contents, readContents } from '../../processes/contents.ts';
import { localClient } from '../../../support/engine-store.ts';
import { deployed } from './deployment.ts';
import { EngineRelay } from './engine-relay.ts';
import type { PackagedFunction } from './environment.ts';
import { FunctionPool } from './function-pool.ts';
import { invoking } from './handlers.ts';

type Name = (typeof REACHABLE)[number];

export interface LambdaCloudOptions {
  /** The folder of all functions, from `unpackedFunctions`. */
  readonly packages: string;
  /** Concurrency of each function. */
  readonly concurrency: number;
}

interface Running {
  readonly pool: FunctionPool;
  /** Between this function and the engine. */
  readonly relay: EngineRelay;
  readonly server: Server;
}

const TABLE = 'berth';

export class LambdaCloud {
  /** Short, since a Unix socket's path has 107 bytes. */
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'berth-'));
  readonly #log = openSync(path.join(this.folder, 'functions.log'), 'a');
  readonly #options: LambdaCloudOptions;
  readonly #engine: Engine;
  readonly #client: DynamoDBClient;
  readonly #functions = new Map<Name, Running>();

  private constructor(options: LambdaCloudOptions, engine: Engine) {
    this.#options = options;
    this.#engine = engine;
    this.#client = localClient(engine.url);
  }

  static async start(options: LambdaCloudOptions): Promise<LambdaCloud> {
    const cloud = new LambdaCloud(options, await startEngine(undefined));
    await createTable(cloud.#client, TABLE);
    mkdirSync(cloud.#sockets);
    for (const name of REACHABLE) cloud.#functions.set(name, await cloud.#run(name));
    return cloud;
  }

  /** The URL of the capabilities function. */
  get endpoint(): string {
    return this.#urlOf('capabilities');
  }

  /** The compile cache that the shims share. */
  get compileCache(): Record<string, string> {
    return { NODE_COMPILE_CACHE: path.join(this.folder, 'cache') };
  }

  contents(): Promise<Contents> {
    return readContents(this.#client, TABLE);
  }

  /** The log of all functions. */
  log(): string {
    return readFileSync(path.join(this.folder, 'functions.log'), 'utf8');
  }

  pool(name: Name): FunctionPool {
    return this.#of(name).pool;
  }

  relay(name: Name): EngineRelay {
    return this.#of(name).relay;
  }

  /** Calls the sweep like the schedule. */
  async sweep(): Promise<void> {
    const pool = new FunctionPool(this.#deployed('sweep', this.#engine.url), 1);
    await pool.invoke(JSON.stringify(scheduledEvent()));
    await pool.stop();
  }

  async stop(): Promise<void> {
    for (const { server, pool, relay } of this.#functions.values()) {
      await pool.stop();
      server.closeAllConnections();
      await closeServer(server);
      await relay.close();
    }
    this.#client.destroy();
    await this.#engine.stop();
    closeSync(this.#log);
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #sockets(): string {
    return path.join(this.folder, 'cloud');
  }

  #urlOf(name: Name): string {
    return `unix:${path.join(this.#sockets, `${name}.sock`)}`;
  }

  #of(name: Name): Running {
    const running = this.#functions.get(name);
    if (running === undefined) throw new Error(`${name} does not run`);
    return running;
  }

  async #run(name: Name): Promise<Running> {
    const { concurrency } = this.#options;
    const relay = await EngineRelay.open(this.#engine.url);
    const function_ = this.#deployed(name, relay.url);
    const pool = new FunctionPool(function_, concurrency);
    const verify = signatureVerifier(openKeyring(this.#sockets), { enforcement: 'require' });
    const handler = invoking(pool, (reason) => {
      writeSync(this.#log, `${reason}\n`);
    });
    const server = functionUrl({ name, handler, timeout: function_.timeout, verify });
    await new Promise<void>((resolve) => server.listen(path.join(this.#sockets, `${name}.sock`), resolve));
    return { pool, relay, server };
  }

  #deployed(name: FunctionName, engine: string): PackagedFunction {
    return { ...deployed(this.#options.packages, name, this.#environment(engine)), log: this.#log };
  }

  /** The settings of the template. */
  #environment(engine: string): Record<string, string> {
    return {
      BERTH_TABLE: TABLE,
      AWS_ENDPOINT_URL_DYNAMODB: engine,
      BERTH_POOLS_URL: this.#urlOf('pools'),
      BERTH_ADDRESSES_URL: this.#urlOf('addresses'),
      BERTH_HOSTS_URL: this.#urlOf('hosts'),
      BERTH_CONSOLE_URL: this.#urlOf('console'),
      BERTH_VIEWER_URL: this.#urlOf('viewer'),
      BERTH_CHECK_URL: this.#urlOf('check'),
    };
  }
}
