/**
 * One execution environment: a process under AWS's runtime client that runs the code of one package. As on AWS, it is
 * frozen whenever it is idle, and killed when an invocation takes longer than the function's timeout.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { endingWithUs } from '../../../support/ending-with-us.ts';
import { InvocationError, type Outcome, RuntimeApi } from './runtime-api.ts';
import { runtimeClient } from './runtime-client.ts';

const REGION = 'eu-west-1';
/** MB, as in serverless.yml. */
const MEMORY = 256;
/** The share of the memory for JavaScript's objects. */
const HEAP_SHARE = 0.9;

export interface PackagedFunction {
  readonly name: string;
  /** The folder into which its zip was unpacked. */
  readonly folder: string;
  /** Timeout of an invocation, in ms. */
  readonly timeout: number;
  /** The variables from the template and the role. */
  readonly environment: Readonly<Record<string, string>>;
  /** A file for its output. `undefined`: the output of this process. */
  readonly log?: number | undefined;
}

export class ExecutionEnvironment {
  readonly #of: PackagedFunction;
  readonly #api: RuntimeApi;
  readonly #process: ChildProcess;
  readonly #ended: Promise<never>;
  #invocations = 0;
  #expire: (() => void) | undefined;

  private constructor(of: PackagedFunction, api: RuntimeApi) {
    this.#of = of;
    this.#api = api;
    this.#process = start(of, api.address);
    this.#ended = once(this.#process, 'exit').then(([code, signal]) => {
      this.#api.close();
      throw new InvocationError(`Runtime.ExitError: ${of.name} ended with ${String(signal ?? code)}`);
    });
    this.#ended.catch(() => undefined);
  }

  /** Its process exists; its code may still be loading. */
  static async start(of: PackagedFunction): Promise<ExecutionEnvironment> {
    return new ExecutionEnvironment(of, await RuntimeApi.open());
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get isAlive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** The number of invocations so far. */
  get invocations(): number {
    return this.#invocations;
  }

  /**
   * @param event JSON
   * @returns the handler's answer, JSON.
   * @throws InvocationError when the handler throws, takes too long or dies. The last two end the environment too.
   */
  async invoke(event: string): Promise<string> {
    this.#process.kill('SIGCONT');
    await Promise.race([this.#api.idle(), this.#ended]);
    this.#invocations++;
    const outcome = await this.#carryOut(event);
    if ('error' in outcome) throw new InvocationError(outcome.error);
    return outcome.response;
  }

  /** Resolves when it is idle and frozen, or dead. */
  async settle(): Promise<void> {
    await Promise.race([this.#api.idle(), this.#ended]).then(
      () => this.#process.kill('SIGSTOP'),
      () => undefined,
    );
  }

  /** Ends the current invocation, if there is one, as if it had reached the function's timeout. */
  expire(): void {
    this.#expire?.();
  }

  /** Resolves when it is dead. */
  async kill(): Promise<void> {
    if (this.isAlive) this.#process.kill('SIGKILL');
    await this.#ended.catch(() => undefined);
  }

  async #carryOut(event: string): Promise<Outcome> {
    const { name, timeout } = this.#of;
    const id = randomUUID();
    const functionArn = `arn:aws:lambda:${REGION}:000000000000:function:${name}`;
    const late = Promise.withResolvers<never>();
    this.#expire = () => {
      late.reject(new InvocationError(`Sandbox.Timedout: ${name} took more than ${timeout} ms`));
      this.#process.kill('SIGKILL');
    };
    const timer = setTimeout(this.#expire, timeout);
    try {
      const invocation = { id, event, deadline: Date.now() + timeout, functionArn };
      return await Promise.race([this.#api.invoke(invocation), this.#ended, late.promise]);
    } finally {
      clearTimeout(timer);
      this.#expire = undefined;
    }
  }
}

/** The kernel ends it with this process, frozen or not. */
function start({ name, folder, environment, log }: PackagedFunction, api: string): ChildProcess {
  const options = [`--max-old-space-size=${Math.floor(MEMORY * HEAP_SHARE)}`, runtimeClient()];
  return spawn(...endingWithUs(process.execPath, options), {
    cwd: folder,
    stdio: ['ignore', log ?? 'inherit', log ?? 'inherit'],
    // As on AWS, its environment has no other variables.
    env: { ...ofLambda(name, folder, api), ...environment },
  });
}

const ofLambda = (name: string, folder: string, api: string): Record<string, string> => ({
  PATH: '/usr/local/bin:/usr/bin:/bin',
  LANG: 'en_US.UTF-8',
  TZ: ':UTC',
  AWS_REGION: REGION,
  AWS_DEFAULT_REGION: REGION,
  AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
  AWS_ACCESS_KEY_ID: 'role',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_SESSION_TOKEN: 'token',
  AWS_LAMBDA_FUNCTION_NAME: name,
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(MEMORY),
  AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
  // The log configuration of serverless.yml.
  AWS_LAMBDA_LOG_FORMAT: 'JSON',
  AWS_LAMBDA_LOG_LEVEL: 'INFO',
  AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
  AWS_LAMBDA_LOG_STREAM_NAME: 'stream',
  AWS_LAMBDA_RUNTIME_API: api,
  LAMBDA_TASK_ROOT: folder,
  _HANDLER: `functions/${name}.handler`,
});
