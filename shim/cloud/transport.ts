/** Sends one request to a function and reads its answer: once, with a time limit. Retries are decided elsewhere. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { createProxyServer } from 'http-proxy';
import type { Endpoint } from '../endpoint.ts';
import { readBody } from '../read-body.ts';
import { within } from '../time.ts';

/** A function's answer is small; a larger one did not come from a function. */
const MAX_ANSWER_BYTES = 1_048_576;

export interface Post {
  readonly endpoint: Endpoint;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** ms */
  readonly timeout: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** The reason for a missing answer. */
export class TransportError extends Error {
  /** Node's code of the error; `TIMEOUT` when the time was over, `TOO_LARGE` when the answer was too large. */
  readonly code: string;
  /** Whether the request may have reached the function. Without a connection it did not. */
  readonly isSent: boolean;

  constructor(message: string, code: string, isSent: boolean, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.isSent = isSent;
  }
}

interface Exchange {
  isConnected: boolean;
  readonly answered: (answer: IncomingMessage) => void;
}

export class Transport {
  readonly #proxy = createProxyServer({ selfHandleResponse: true });
  readonly #exchanges = new WeakMap<IncomingMessage, Exchange>();

  constructor() {
    this.#proxy.on('proxyRes', (answer, request) => this.#exchanges.get(request)?.answered(answer));
    this.#proxy.on('proxyReq', (outgoing, request, _response, _options, socket) => {
      const exchange = this.#exchanges.get(request);
      if (exchange !== undefined) watchConnection(exchange, outgoing.reusedSocket, socket);
    });
  }

  /** @throws TransportError when no complete answer arrives in time. */
  async post({ endpoint, path, headers, body, timeout }: Post): Promise<Answer> {
    const { request, response } = standIn(path);
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const fail = (error: unknown): void => {
      reject(transportError(error, exchange.isConnected));
    };
    const exchange: Exchange = {
      isConnected: false,
      answered: (answer) => {
        readAnswer(answer).then(resolve, fail);
      },
    };
    this.#exchanges.set(request, exchange);
    try {
      this.#proxy.web(request, response, outgoingOptions(endpoint, headers, body), fail);
      return await within(timeout, promise, () => {
        const seconds = Math.round(timeout) / 1_000;
        throw new TransportError(`no answer within ${seconds} s`, 'TIMEOUT', exchange.isConnected);
      });
    } finally {
      // The proxy takes this for a client that went away, and ends the connection if the exchange is not over.
      response.emit('close');
    }
  }
}

const outgoingOptions = (endpoint: Endpoint, headers: Post['headers'], body: Buffer) => ({
  target: endpoint.target,
  agent: endpoint.agent,
  // The `host` header is already set, since it is signed.
  changeOrigin: false,
  buffer: Readable.from([body]),
  headers: { ...headers, 'content-length': String(body.length) },
});

/**
 * A request for the proxy, which forwards requests that a server received. Most of ours come from the journal, and those
 * of dockerd must outlive its connection and be repeated, so each attempt is a new request. It has only our headers: a
 * process that may open the plugin's socket must not be able to speak for the host. dockerd's own request would not cost
 * less (docs/decisions/0020-what-a-request-costs.md).
 */
function standIn(path: string): { request: IncomingMessage; response: ServerResponse } {
  const request = new IncomingMessage(new Socket());
  request.method = 'POST';
  request.url = path;
  return { request, response: new ServerResponse(request) };
}

function watchConnection(exchange: Exchange, isReused: boolean, socket: Socket | TLSSocket): void {
  const connected = (): void => {
    exchange.isConnected = true;
  };
  if (isReused || !socket.connecting) connected();
  else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', connected);
}

async function readAnswer(answer: IncomingMessage): Promise<Answer> {
  const body = await readBody(answer, MAX_ANSWER_BYTES);
  if (body === undefined) throw new TransportError('the answer is too large', 'TOO_LARGE', true);
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: body.toString('utf8') };
}

function transportError(error: unknown, isSent: boolean): TransportError {
  if (error instanceof TransportError) return error;
  const message = error instanceof Error && error.message !== '' ? error.message : 'the connection failed';
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
  return new TransportError(message, code, isSent, error);
}
