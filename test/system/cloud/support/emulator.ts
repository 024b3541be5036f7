/** An emulator of AWS: MiniStack, under AWS's own names and with TLS, in a separate place. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { pythonPrograms } from '../../infra/support/python.ts';
import { root } from '../../../support/repository.ts';
import { makeCertificates } from './certificates.ts';
import { Place } from './place.ts';

const STARTER = path.join(import.meta.dirname, 'start_emulator.py');
const NAMES = path.join(import.meta.dirname, 'names.ts');
const REQUIREMENTS = path.join(import.meta.dirname, 'requirements.txt');
/** ms */
const POLL = 200;

export const REGION = 'eu-west-1';
/** The emulator's address, for hosts on its LAN. */
export const LAN_ADDRESS = '10.99.0.1';
export const ACCOUNT = '000000000000';

export interface Keys {
  readonly AWS_ACCESS_KEY_ID: string;
  readonly AWS_SECRET_ACCESS_KEY: string;
  readonly AWS_SESSION_TOKEN?: string;
}

/** The credentials of the emulator's root user. */
export const ROOT_KEYS: Keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

export class Emulator {
  readonly place: Place;
  /** The environment that its clients need to trust it. */
  readonly trust: NodeJS.ProcessEnv;
  readonly #log: () => string;

  private constructor(place: Place, trust: NodeJS.ProcessEnv, log: () => string) {
    this.place = place;
    this.trust = trust;
    this.#log = log;
  }

  /** @param concurrency the account's quota of concurrent executions. */
  static async start({ concurrency = 1000 }: { concurrency?: number } = {}): Promise<Emulator> {
    // Called by the environment's python: its scripts name the folder in which it was created.
    const python = path.join(pythonPrograms(REQUIREMENTS), 'python');
    const place = await Place.start({
      aws: [python, '-m', 'awscli'],
      berth: [process.execPath, path.join(root, 'shim/main.ts')],
    });
    try {
      await makeCertificates(place.folder, REGION);
      const ca = path.join(place.folder, 'ca.pem');
      const trust = { NODE_EXTRA_CA_CERTS: ca, AWS_CA_BUNDLE: ca };
      await startNames(place);
      const log = await startMiniStack(place, { python, concurrency, trust });
      return new Emulator(place, trust, log);
    } catch (error) {
      await place.stop();
      throw error;
    }
  }

  /** The log of the emulator and its functions so far. */
  log(): string {
    return this.#log();
  }

  /** Runs AWS's command line as the account's root, or with other keys. @returns what it printed, as JSON. */
  async aws(args: readonly string[], keys: Keys = ROOT_KEYS): Promise<unknown> {
    const env = { ...this.trust, ...keys, AWS_DEFAULT_REGION: REGION, AWS_PAGER: '' };
    const { code, stdout, stderr } = await this.place.run('aws', args, { env, timeoutMs: 600_000 });
    if (code !== 0) throw new Error(`aws ${args.join(' ')}: exit code ${code}\n${stderr.trim()}`);
    return stdout.trim() === '' ? undefined : JSON.parse(stdout);
  }

  /** @returns the rows that a query of CloudWatch Logs Insights finds in the log of a function. */
  async queryLogs(name: string, query: string): Promise<unknown> {
    const times = ['--start-time', '0', '--end-time', '4000000000'];
    const group = ['--log-group-name', `/aws/lambda/${name}`];
    const started = await this.aws(['logs', 'start-query', ...group, ...times, '--query-string', query]);
    const { queryId } = v.parse(v.object({ queryId: v.string() }), started);
    return this.aws(['logs', 'get-query-results', '--query-id', queryId]);
  }

  /** Makes the schedule of a stack fire every minute instead of every five. @param prefix of the names of its rules. */
  async hastenSchedule(prefix: string): Promise<void> {
    const listed = await this.aws(['events', 'list-rules', '--name-prefix', prefix]);
    const rule = v.object({ Name: v.string(), ScheduleExpression: v.optional(v.string()) });
    for (const { Name, ScheduleExpression } of v.parse(v.object({ Rules: v.array(rule) }), listed).Rules) {
      if (ScheduleExpression !== 'rate(5 minutes)') continue;
      await this.aws(['events', 'put-rule', '--name', Name, '--schedule-expression', 'rate(1 minute)']);
    }
  }

  /** An unsigned request. */
  async post(url: string, route: string): Promise<{ readonly status: number }> {
    const ask = `fetch('${new URL(route, url).href}', { method: 'POST', body: '{}' }).then(({ status }) => console.log(status))`;
    const { stdout } = await this.place.run('node', ['-e', ask], { env: this.trust });
    return { status: Number(stdout) };
  }

  stop(): Promise<void> {
    return this.place.stop();
  }
}

/** Resolves every name to this place. */
async function startNames(place: Place): Promise<void> {
  const child = place.spawn('node', [NAMES, LAN_ADDRESS]);
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the name server ended: ${errors}`);
  });
  await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
}

interface Settings {
  readonly python: string;
  readonly concurrency: number;
  readonly trust: NodeJS.ProcessEnv;
}

/** @returns its output, once it is ready. */
async function startMiniStack(place: Place, { python, concurrency, trust }: Settings): Promise<() => string> {
  const env = {
    ...ROOT_KEYS,
    ...trust,
    AUTH: 'true',
    PYTHONDONTWRITEBYTECODE: '1',
    BIND_HOST: '0.0.0.0',
    // The URL of its own APIs, which it gives to clients. It also listens on 443 for all names.
    GATEWAY_PORT: '4566',
    USE_SSL: '1',
    MINISTACK_SSL_CERT: path.join(place.folder, 'cert.pem'),
    MINISTACK_SSL_KEY: path.join(place.folder, 'key.pem'),
    LAMBDA_EXECUTOR: 'local',
    LAMBDA_ACCOUNT_CONCURRENCY: String(concurrency),
    // The names of its APIs end in this.
    MINISTACK_HOST: `${REGION}.amazonaws.com`,
    MINISTACK_REGION: REGION,
    MINISTACK_ACCOUNT_ID: ACCOUNT,
    S3_DATA_DIR: path.join(place.folder, 's3'),
  };
  const child = place.spawn(python, [STARTER], env);
  let said = '';
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  child.stderr.on('data', (text: Buffer) => (said += text.toString()));
  const health = `fetch('https://sts.${REGION}.amazonaws.com/_ministack/health').then(({ ok }) => process.exit(ok ? 0 : 1))`;
  while ((await place.run('node', ['-e', health], { env: trust })).code !== 0) {
    if (child.exitCode !== null) throw new Error(`the emulator ended with ${child.exitCode}: ${said}`);
    await sleep(POLL);
  }
  return () => said;
}
