/**
 * The plugin's side of Docker's protocol: one HTTP server per driver. It answers at once what dockerd must never wait for,
 * and forwards what changes something. It always answers, since dockerd repeats a request without its body after a dropped
 * connection (moby/moby#39331).
 */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Logger } from 'pino';
import * as v from 'valibot';
import { MAX_BODY_BYTES } from '../../protocol/limits.ts';
import { type Driver, METHODS, type Method, isRelease } from '../../protocol/methods.ts';
import type { Handshakes } from '../host/handshake.ts';
import type { Sequence } from '../host/sequence.ts';
import { JournalError, type KeptCall } from '../journal/journal.ts';
import { readBody } from '../read-body.ts';
import { within } from '../time.ts';
import type { Calls, Reply } from './calls.ts';
import type { Metrics } from './metrics.ts';
import { limitConnections, mostConnections } from './open-files.ts';

export interface PluginHost {
  readonly sequence: Sequence;
  readonly calls: Calls;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** The shim's health, for `berth shim --health`. */
  readonly health: () => object;
  /** What the shim knows of its host, for `berth doctor`. */
  readonly status: () => object;
  /** Compares what Docker has with the table, for `berth doctor`. */
  readonly doctor: (isFix: boolean, named: readonly string[]) => Promise<object>;
  /** ms within which a call of dockerd is answered. */
  readonly budget: number;
}

/** ms for the work before and after the wait for the function. */
const ANSWER_GRACE_MS = 1_000;
/** Larger than any message of Docker's. */
const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.2+json';

export const HEALTH_PATH = '/Berth.Health';
export const STATUS_PATH = '/Berth.Status';
export const DOCTOR_PATH = '/Berth.Doctor';
export const DOCTOR_FIX_PATH = '/Berth.Doctor.Fix';

const methods = new Map<string, Method>(METHODS.map((method) => [`/IpamDriver.${method}`, method]));

export function pluginServer(driver: Driver, handshakes: Handshakes, host: PluginHost): Server {
  const known: Record<string, () => object> = {
    '/Plugin.Activate': () => ({ Implements: ['IpamDriver'] }),
    '/IpamDriver.GetCapabilities': () => handshakes.current.capabilities,
    '/IpamDriver.GetDefaultAddressSpaces': () => {
      host.calls.spacesAsked();
      return handshakes.current.addressSpaces;
    },
    [HEALTH_PATH]: host.health,
    [STATUS_PATH]: host.status,
  };
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const answer = Object.hasOwn(known, path) ? known[path] : undefined;
    const method = methods.get(path);
    if (path === DOCTOR_PATH || path === DOCTOR_FIX_PATH) {
      void diagnose(host, path === DOCTOR_FIX_PATH, request, response);
    } else if (answer !== undefined) reply(request, response, 200, answer());
    else if (method === undefined) reply(request, response, 404, { Err: `no such method: ${path.slice(0, 100)}` });
    else void carry(driver, method, host, { request, response, began: performance.now() });
  });
  // dockerd keeps idle connections for 30 s or forever, and a request on a connection that closes loses its body.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  limitConnections(server, mostConnections(), (message) => {
    host.log.warn({ driver }, message);
  });
  server.on('error', (error) => {
    host.log.error({ driver, err: error }, 'socket failed');
  });
  return server;
}

async function diagnose(
  host: PluginHost,
  isFix: boolean,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request, MAX_BODY_BYTES).catch(() => undefined);
  const asked = v.safeParse(doctorMessage, body?.toString('utf8') === '' ? '{}' : body?.toString('utf8'));
  if (asked.success) reply(request, response, 200, await host.doctor(isFix, asked.output.Free));
  else reply(request, response, 400, { Err: 'malformed' });
}

/** `Free`: subnets and addresses to be freed on the operator's word, without proof that they are unused. */
const doctorMessage = v.pipe(v.string(), v.parseJson(), v.object({ Free: v.optional(v.array(v.string()), []) }));

function reply(request: IncomingMessage, response: ServerResponse, status: number, body: object): void {
  request.resume();
  send(response, status, JSON.stringify(body));
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': CONTENT_TYPE, 'content-length': Buffer.byteLength(body) }).end(body);
}

/** Why a request is not a valid call. */
class Unreadable extends Error {}

/** A call of dockerd that waits for its answer. */
interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** ms, on the clock of performance.now(). */
  readonly began: number;
}

async function carry(driver: Driver, method: Method, host: PluginHost, arrival: Arrival): Promise<void> {
  const { response, began } = arrival;
  let key = '';
  try {
    // The key's number puts this host's calls in order, so it is taken when a call arrives.
    key = isRelease(method) ? host.sequence.keyAnyway() : host.sequence.requestKey();
    const answer = await answerOf({ key, driver, method }, host, arrival);
    // dockerd first: if the shim is killed here, dockerd has its answer and only the log line is missing.
    send(response, 200, answer.text);
    note(host, driver, answer, performance.now() - began);
  } catch (error) {
    // The request or the disk is at fault, not the program.
    const isForeseen = error instanceof Unreadable || error instanceof JournalError;
    const reason = isForeseen ? error.message : `Berth's shim failed: ${String(error)}`;
    const about = { driver, method, request: key, reason };
    if (isForeseen) host.log.warn(about, 'refused');
    else host.log.error({ ...about, err: error }, 'failed');
    host.metrics.called(method, 'failed', performance.now() - began, 0);
    send(response, 200, JSON.stringify({ Error: reason }));
  }
}

/** @throws Unreadable. The asker is then aborted, so that a later answer is known to reach no one. */
function answerOf(
  call: Omit<KeptCall, 'body'>,
  { budget, calls }: PluginHost,
  { request, response, began }: Arrival,
): Promise<Reply> {
  const asker = new AbortController();
  response.once('close', () => {
    asker.abort();
  });
  const answered = readCall(request).then((body) =>
    calls.answer({ ...call, body }, { until: began + budget, gone: asker.signal }),
  );
  // A request whose body never ends is answered all the same.
  return within(budget + ANSWER_GRACE_MS, answered, () => {
    asker.abort();
    throw new Unreadable(`the request was not answered within ${(budget + ANSWER_GRACE_MS) / 1_000} s`);
  });
}

async function readCall(request: IncomingMessage): Promise<string> {
  const body = await readBody(request, MAX_BODY_BYTES).catch((error: unknown) => {
    throw new Unreadable('the connection closed before the request was complete', { cause: error });
  });
  if (body === undefined) throw new Unreadable(`the request is larger than ${MAX_BODY_BYTES} bytes`);
  if (request.method !== 'POST')
    throw new Unreadable(`the HTTP method is ${request.method ?? 'unknown'}, but dockerd uses POST`);
  const text = body.toString('utf8');
  if (text.trim() === '') {
    throw new Unreadable(
      'the request has no body, which happens when dockerd repeats a request after a broken connection; try again',
    );
  }
  if (!isJson(text)) throw new Unreadable('the request is not JSON');
  return text;
}

/** The journal keeps the body, and must be able to read it after a restart. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function note({ log, metrics }: PluginHost, driver: Driver, reply: Reply, milliseconds: number): void {
  const { about, refusal, attempts, waited } = reply;
  const { method, request, poolId: pool, address } = about;
  const ms = Math.round(milliseconds);
  const fields = { driver, method, request, pool, address, attempts, ms, cloudMs: Math.round(waited) };
  if (refusal === undefined) log.info({ ...fields, answer: reply.text.slice(0, 300) }, 'answered');
  else log.warn({ ...fields, reason: refusal }, 'refused');
  metrics.called(method, refusal === undefined ? 'answered' : 'refused', milliseconds, attempts);
}
