/** Carries a request of dockerd to a function, unchanged but for what the host adds in headers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { createProxyServer } from 'http-proxy';
import { readBody } from './body.ts';
import type { Endpoint } from './endpoint.ts';

/** A function's answer is small; what is larger did not come from one. */
const MAX_ANSWER_BYTES = 1_048_576;

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Why there is no answer, in words for the person at the docker command. */
export class NoAnswer extends Error {}

interface Outgoing {
  readonly endpoint: Endpoint;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** ms */
  readonly timeout: number;
}

export class Forwarder {
  readonly #proxy = createProxyServer({ selfHandleResponse: true });
  readonly #waiting = new WeakMap<IncomingMessage, (answer: IncomingMessage) => void>();

  constructor() {
    this.#proxy.on('proxyRes', (answer, request) => this.#waiting.get(request)?.(answer));
  }

  /** @throws NoAnswer when the function cannot be reached or does not answer in time. */
  async forward(request: IncomingMessage, response: ServerResponse, outgoing: Outgoing): Promise<Answer> {
    const { endpoint, timeout } = outgoing;
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort();
    }, timeout);
    try {
      return await new Promise<Answer>((resolve, reject) => {
        deadline.signal.addEventListener('abort', () => {
          reject(new NoAnswer(`Berth's functions did not answer within ${timeout / 1_000} s (${endpoint.text})`));
        });
        this.#waiting.set(request, (answer) => {
          readAnswer(answer).then(resolve, (error: unknown) => {
            reject(unreachable(endpoint, error));
          });
        });
        this.#send(request, response, outgoing, (error) => {
          reject(unreachable(endpoint, error));
        });
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #send(
    request: IncomingMessage,
    response: ServerResponse,
    { endpoint, headers, body, timeout }: Outgoing,
    failed: (error: Error) => void,
  ): void {
    this.#proxy.web(
      request,
      response,
      {
        target: endpoint.target,
        agent: endpoint.agent,
        // A Function URL is told apart by its host name; on a socket there is none to tell.
        changeOrigin: endpoint.target.socketPath === undefined,
        buffer: Readable.from([body]),
        headers: { 'content-type': 'application/json', ...headers },
        proxyTimeout: timeout,
      },
      failed,
    );
  }
}

async function readAnswer(answer: IncomingMessage): Promise<Answer> {
  const body = await readBody(answer, MAX_ANSWER_BYTES);
  if (body === undefined) throw new Error('the answer is too large');
  return { status: answer.statusCode ?? 0, body: body.toString('utf8') };
}

function unreachable(endpoint: Endpoint, error: unknown): NoAnswer {
  const why = error instanceof Error ? error.message : String(error);
  return new NoAnswer(`Berth's functions cannot be reached at ${endpoint.text}: ${why}`, { cause: error });
}
