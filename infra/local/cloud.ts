/**
 * The whole cloud as one process: the embedded engine and the functions, each behind its own Unix socket, as each has its
 * own URL on AWS. `berth up` starts it and gets a message when it is ready. It ends with its parent.
 *
 * Usage: node infra/local/cloud.ts --data DIR [--dynamodb URL] [--sweep-every MS]
 */
import { mkdirSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { closeServer } from '../../shim/close-server.ts';
import { lockFolder } from '../../shim/lock.ts';
import { UserError } from '../../shim/user-error.ts';
import { createHistoryTable, createTable } from './create-table.ts';
import { type Engine, startEngine } from './engine.ts';
import { functionUrl } from './function-url.ts';
import { type Handlers, REACHABLE, loadHandlers } from './handlers.ts';
import { openKeyring } from './keyring.ts';
import { type Ticker, startTicker } from './ticker.ts';
import { signatureVerifier } from './verify-signature.ts';

const TABLE = 'berth';
const HISTORY_TABLE = 'berth-history';
/** ms between two reads of the table's stream. */
const FOLLOW_EVERY_MS = 10_000;
/** ms, as in serverless.yml. */
const FUNCTION_TIMEOUT_MS = 10_000;
/** Together longer than a function may take. */
const LOCK_TRIES = 600;
const LOCK_PAUSE_MS = 25;

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    dynamodb: { type: 'string' },
    'sweep-every': { type: 'string', default: '60000' },
  },
});

interface CloudOptions {
  readonly data: string;
  readonly dynamodb: string | undefined;
  /** ms */
  readonly sweepEvery: number;
}

async function main({ data, dynamodb, sweepEvery }: CloudOptions): Promise<void> {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const lock = await lockWhenFree(data);
  const engine = dynamodb === undefined ? await startEngine(data) : undefined;
  const servers: Server[] = [];
  const tickers: Ticker[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stopAll(servers, tickers, engine));
  const end = (code: number) => void stop().finally(() => process.exit(code));
  // Handled each time: a second signal must not end this process before its engine.
  for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) {
    process.on(event, () => {
      end(0);
    });
  }
  engine?.process.once('exit', () => {
    if (stopping !== undefined) return;
    console.error('the embedded engine has ended');
    end(1);
  });
  try {
    const handlers = await openFunctions(data, dynamodb ?? engine?.url ?? '');
    servers.push(...(await serveFunctions(data, handlers)));
    tickers.push(
      startTicker({ handler: handlers.sweep, every: sweepEvery, timeout: FUNCTION_TIMEOUT_MS }),
      startTicker({ handler: handlers.history, every: FOLLOW_EVERY_MS, timeout: FUNCTION_TIMEOUT_MS }),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  process.once('exit', () => {
    lock.close();
  });
  process.send?.({ ready: true, endpoint: `unix:${socketPath(data, 'capabilities')}` });
}

/** Waits for an earlier cloud: if its parent was killed, it still answers its last calls. Two would replace each other's sockets. */
async function lockWhenFree(data: string): Promise<ReturnType<typeof lockFolder>> {
  for (let tries = 1; ; tries++) {
    try {
      return lockFolder(data);
    } catch (error) {
      if (tries === LOCK_TRIES) throw error;
      await delay(LOCK_PAUSE_MS);
    }
  }
}

async function openFunctions(data: string, dynamodb: string): Promise<Handlers> {
  setEnvironment(data, dynamodb);
  await reachTable(dynamodb);
  await keepHistory();
  return loadHandlers();
}

function serveFunctions(data: string, { reachable }: Handlers): Promise<Server[]> {
  const verify = signatureVerifier(openKeyring(data), { enforcement: 'require' });
  return Promise.all(
    REACHABLE.map((name) => {
      const server = functionUrl({ name, handler: reachable[name], timeout: FUNCTION_TIMEOUT_MS, verify });
      return listen(server, socketPath(data, name));
    }),
  );
}

const socketPath = (data: string, name: string): string => path.join(data, `${name}.sock`);

/** @throws UserError when the endpoint is not DynamoDB, or refuses access. */
async function reachTable(dynamodb: string): Promise<void> {
  try {
    await createTable(new DynamoDBClient({}), TABLE);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError(`no table is available at ${dynamodb}: ${why}`, { cause: error });
  }
}

/** Another endpoint may have no streams: then no history is kept, and everything else goes on. */
async function keepHistory(): Promise<void> {
  try {
    await createHistoryTable(new DynamoDBClient({}), HISTORY_TABLE, TABLE);
    process.env['BERTH_HISTORY_TABLE'] = HISTORY_TABLE;
  } catch (error) {
    console.error(`no history is kept: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Sets what the deployment would set. The embedded engine accepts any credentials; another endpoint gets the user's own. */
function setEnvironment(data: string, dynamodb: string): void {
  process.env['BERTH_TABLE'] = TABLE;
  process.env['BERTH_POOLS_URL'] = `unix:${socketPath(data, 'pools')}`;
  process.env['BERTH_ADDRESSES_URL'] = `unix:${socketPath(data, 'addresses')}`;
  process.env['BERTH_HOSTS_URL'] = `unix:${socketPath(data, 'hosts')}`;
  process.env['BERTH_CONSOLE_URL'] = `unix:${socketPath(data, 'console')}`;
  process.env['BERTH_VIEWER_URL'] = `unix:${socketPath(data, 'viewer')}`;
  process.env['BERTH_CHECK_URL'] = `unix:${socketPath(data, 'check')}`;
  process.env['AWS_ENDPOINT_URL_DYNAMODB'] = dynamodb;
  process.env['AWS_ENDPOINT_URL_DYNAMODB_STREAMS'] = dynamodb;
  process.env['AWS_REGION'] ??= 'local';
  if (process.env['AWS_ACCESS_KEY_ID'] === undefined && process.env['AWS_PROFILE'] === undefined) {
    process.env['AWS_ACCESS_KEY_ID'] = 'local';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'local';
  }
}

function listen(server: Server, socket: string): Promise<Server> {
  rmSync(socket, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, () => {
      resolve(server);
    });
  });
}

async function stopAll(
  servers: readonly Server[],
  tickers: readonly Ticker[],
  engine: Engine | undefined,
): Promise<void> {
  await Promise.all([...servers.map((server) => closeServer(server)), ...tickers.map((ticker) => ticker.stop())]);
  await engine?.stop();
}

// Sockets, data and the process number are only for the user who runs this.
process.umask(0o077);
if (values.data === undefined) throw new Error('--data is missing');
try {
  await main({
    data: path.resolve(values.data),
    dynamodb: values.dynamodb,
    sweepEvery: Number(values['sweep-every']),
  });
} catch (error) {
  console.error(error instanceof UserError ? `berth: ${error.message}` : error);
  process.exit(1);
}
