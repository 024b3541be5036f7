/**
 * The plugin's side of Docker's protocol: one HTTP server per driver. Answers at once what dockerd must never wait for,
 * forwards what changes something, and always answers: after a dropped connection dockerd repeats a request without its
 * body (moby/moby#39331).
 */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Logger } from 'pino';
import * as v from 'valibot';
import { readBody } from './body.ts';
import type { Endpoint } from './endpoint.ts';
import { type Answer, type Forwarder, NoAnswer } from './forwarder.ts';
import type { Driver, Handshake } from './handshake.ts';
import { readHostNetwork } from './host-network.ts';
import type { Sequence } from './sequence.ts';

export interface PluginHost {
  readonly hostId: string;
  readonly sequence: Sequence;
  readonly forwarder: Forwarder;
  readonly log: Logger;
}

/** Raised by a fence; a host that was never fenced is in its first. */
const FIRST_EPOCH = '1';
/** ms within which every call of dockerd is answered, the cold start of a function included. */
const DEADLINE = 20_000;
/** ms for what comes before and after the wait for the function. */
const GRACE = 1_000;
/** Larger than any message of Docker's. */
const MAX_BODY_BYTES = 65_536;
const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.2+json';

export function pluginServer(driver: Driver, handshake: Handshake, host: PluginHost): Server {
  const answers: Record<string, object> = {
    '/Plugin.Activate': { Implements: ['IpamDriver'] },
    '/IpamDriver.GetCapabilities': handshake.capabilities,
    '/IpamDriver.GetDefaultAddressSpaces': handshake.addressSpaces,
  };
  const forwards: Record<string, Endpoint> = {
    '/IpamDriver.RequestPool': handshake.pools,
    '/IpamDriver.ReleasePool': handshake.pools,
    '/IpamDriver.RequestAddress': handshake.addresses,
    '/IpamDriver.ReleaseAddress': handshake.addresses,
  };
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const known = Object.hasOwn(answers, path) ? answers[path] : undefined;
    const endpoint = Object.hasOwn(forwards, path) ? forwards[path] : undefined;
    if (known !== undefined) reply(request, response, 200, known);
    else if (endpoint === undefined) reply(request, response, 404, { Err: `no such method: ${path.slice(0, 100)}` });
    else void carry(driver, endpoint, host, request, response);
  });
  // dockerd keeps idle connections for 30 s or for ever, and a request that meets a closing one loses its body.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  server.on('error', (error) => {
    host.log.error({ driver, err: error }, 'socket failed');
  });
  return server;
}

function reply(request: IncomingMessage, response: ServerResponse, status: number, body: object): void {
  request.resume();
  send(response, status, JSON.stringify(body));
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': CONTENT_TYPE, 'content-length': Buffer.byteLength(body) }).end(body);
}

async function carry(
  driver: Driver,
  endpoint: Endpoint,
  host: PluginHost,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const started = performance.now();
  const about: Record<string, unknown> = { driver, method: request.url };
  let text: string;
  try {
    const requestKey = host.sequence.requestKey();
    about['request'] = requestKey;
    text = await within(DEADLINE + GRACE, answerOf(driver, endpoint, host, requestKey, request, response));
  } catch (error) {
    text = JSON.stringify({ Error: explain(error) });
    if (!(error instanceof NoAnswer)) about['err'] = error;
  }
  const refusal = errorIn(text);
  const ms = Math.round(performance.now() - started);
  if (refusal === undefined) host.log.info({ ...about, ms }, 'answered');
  else host.log.warn({ ...about, ms, reason: refusal }, 'refused');
  send(response, 200, text);
}

/** A request whose body never ends is answered all the same. */
async function within<T>(milliseconds: number, operation: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new NoAnswer(`the request did not arrive within ${milliseconds / 1_000} s`));
    }, milliseconds);
  });
  return Promise.race([operation, late]).finally(() => {
    clearTimeout(timer);
  });
}

const explain = (error: unknown): string =>
  error instanceof NoAnswer
    ? error.message
    : `Berth's shim failed: ${error instanceof Error ? error.message : String(error)}`;

async function answerOf(
  driver: Driver,
  endpoint: Endpoint,
  host: PluginHost,
  requestKey: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<string> {
  const body = await readBody(request, MAX_BODY_BYTES);
  if (body === undefined) throw new NoAnswer(`the request is larger than ${MAX_BODY_BYTES} bytes`);
  if (body.length === 0) {
    throw new NoAnswer('the request has no body: dockerd repeats a broken request so; try again');
  }
  const headers = {
    'berth-host': host.hostId,
    'berth-epoch': FIRST_EPOCH,
    'berth-driver': driver,
    'berth-request': requestKey,
    'berth-attempt': '1',
    'berth-remaining-ms': String(DEADLINE),
    ...(request.url === '/IpamDriver.RequestPool' && (await networkHeaders())),
  };
  return checked(
    endpoint,
    await host.forwarder.forward(request, response, { endpoint, headers, body, timeout: DEADLINE }),
  );
}

async function networkHeaders(): Promise<Record<string, string>> {
  const { routes, nameservers } = await readHostNetwork();
  return { 'berth-routes': routes.join(','), 'berth-nameservers': nameservers.join(',') };
}

const jsonObject = v.pipe(
  v.string(),
  v.parseJson(),
  v.check((value) => !Array.isArray(value)),
  v.looseObject({ Error: v.optional(v.string()) }),
);

/**
 * A function answers 200 and a JSON object, or 500 and one with `Error`, which dockerd gets as any refusal; all else came
 * from something in between.
 */
function checked(endpoint: Endpoint, { status, body }: Answer): string {
  const parsed = v.safeParse(jsonObject, body);
  if (parsed.success && (status === 200 || parsed.output.Error !== undefined)) return body;
  throw new NoAnswer(`Berth's functions at ${endpoint.text} answered HTTP ${status}: ${body.trim().slice(0, 200)}`);
}

/** The refusal that an answer carries, for the log. */
function errorIn(text: string): string | undefined {
  const parsed = v.safeParse(jsonObject, text);
  return parsed.success ? parsed.output.Error : undefined;
}
