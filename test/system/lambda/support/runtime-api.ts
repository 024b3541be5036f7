/**
 * What a function's process talks to on AWS: the Lambda runtime API. Each execution environment has a separate one. The
 * process asks for its next invocation, and answers it.
 */
import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { portOf } from '../../../support/http.ts';

const VERSION = '/2018-06-01/runtime';
const ANSWER = new RegExp(`^${VERSION}/invocation/([^/]+)/(response|error)$`);

export interface Invocation {
  readonly id: string;
  /** JSON */
  readonly event: string;
  /** ms since the epoch */
  readonly deadline: number;
  readonly functionArn: string;
}

/** A caller gets only HTTP 502 from AWS; the details are in the log. */
export class InvocationError extends Error {}

/** The outcome of an invocation, as the process reports it. */
export type Outcome = { readonly response: string } | { readonly error: string };

export class RuntimeApi {
  readonly #server: Server;
  readonly #told = new Map<string, (outcome: Outcome) => void>();
  /** The process's request that waits for an invocation. */
  #question = Promise.withResolvers<ServerResponse>();
  #initFailed = Promise.withResolvers<never>();

  private constructor() {
    // As long as the process has no invocation, no caller handles a failure.
    this.#initFailed.promise.catch(() => undefined);
    this.#server = createServer((request, response) => {
      void this.#serve(request, response);
    });
    // The request of a frozen process stays open as long as it is frozen.
    this.#server.requestTimeout = 0;
    this.#server.keepAliveTimeout = 0;
  }

  static async open(): Promise<RuntimeApi> {
    const api = new RuntimeApi();
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  /** For `AWS_LAMBDA_RUNTIME_API`. */
  get address(): string {
    return `127.0.0.1:${portOf(this.#server)}`;
  }

  /** Resolves when the process is idle: first when its code is loaded. @throws Error when its code cannot be loaded. */
  async idle(): Promise<void> {
    await Promise.race([this.#question.promise, this.#initFailed.promise]);
  }

  /** One at a time. */
  async invoke({ id, event, deadline, functionArn }: Invocation): Promise<Outcome> {
    const question = await this.#question.promise;
    this.#question = Promise.withResolvers();
    const outcome = new Promise<Outcome>((resolve) => this.#told.set(id, resolve));
    const headers = {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': id,
      'lambda-runtime-deadline-ms': String(deadline),
      'lambda-runtime-invoked-function-arn': functionArn,
      'lambda-runtime-trace-id': `Root=1-00000000-${'0'.repeat(24)};Sampled=0`,
    };
    question.writeHead(200, headers).end(event);
    return outcome.finally(() => this.#told.delete(id));
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === `${VERSION}/invocation/next`) {
      this.#question.resolve(response);
      return;
    }
    const body = await text(request);
    const [, id = '', kind] = ANSWER.exec(request.url ?? '') ?? [];
    const tell = this.#told.get(id);
    if (request.url === `${VERSION}/init/error`)
      this.#initFailed.reject(new InvocationError(`Runtime.InitError: ${body}`));
    else if (tell === undefined) {
      response.writeHead(400).end('{"errorType":"InvalidRequestID"}');
      return;
    } else tell(kind === 'response' ? { response: body } : { error: body });
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
  }
}
