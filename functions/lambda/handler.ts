/**
 * From a Function URL's event (payload 2.0; an HTTP API sends the same) to a method, and back. A refusal is an answer
 * like any other: HTTP 200 with `Error`, which Docker shows to the user. A fault of ours is HTTP 500, which tells the
 * shim that the request may have been carried out.
 */
import type { Context, LambdaFunctionURLEventWithIAMAuthorizer, LambdaFunctionURLResult } from 'aws-lambda';
import * as v from 'valibot';
import { callHeaders } from '../../protocol/headers.ts';
import { isInstanceId } from '../../protocol/ids.ts';
import { MAX_BODY_BYTES } from '../../protocol/limits.ts';
import type { RefusalCode } from '../../protocol/refusal-code.ts';
import { isRequestKey } from '../../protocol/request-key.ts';
import type { Call } from '../ipam/call.ts';
import type { Bindings } from '../ipam/hosts/binding.ts';
import { clip } from '../ipam/quote.ts';
import { Refusal } from '../ipam/refusal.ts';
import { tableName } from './env.ts';
import { log } from './log.ts';
import { putMetrics } from './metrics.ts';
import { refuseUnsigned } from './signed-headers.ts';

export interface Request {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  /** The principal that signed it (an ARN), if Lambda has checked the signature. */
  readonly principal: string | undefined;
  /** ms since the epoch by which this function must have answered. */
  readonly deadline: number;
}

/** Answers a request with a JSON object. @throws Refusal, or anything else for a fault of ours. */
export type Method = (request: Request) => Promise<object> | object;

export type Handler = (
  event: LambdaFunctionURLEventWithIAMAuthorizer,
  context: Pick<Context, 'getRemainingTimeInMillis'> & Partial<Pick<Context, 'awsRequestId'>>,
) => Promise<LambdaFunctionURLResult>;

/** Longer than any message of a schema that does not repeat its input. */
const MAX_ISSUE_LENGTH = 200;
/** ms kept back, so that the answer is sent before Lambda ends the function. */
const ANSWER_MARGIN_MS = 250;

const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.2+json';

/** @param methods by path, such as `/IpamDriver.RequestPool`. */
export function handle(methods: Readonly<Record<string, Method>>, maxBodyBytes = MAX_BODY_BYTES): Handler {
  return async (event, context) => {
    const method = Object.hasOwn(methods, event.rawPath) ? methods[event.rawPath] : undefined;
    if (method === undefined) return answer(404, { Err: `no such method: ${clip(event.rawPath, 100)}` });
    try {
      refuseUnsigned(event.headers);
      const body = bodyOf(event, maxBodyBytes);
      const deadline = Date.now() + Math.max(0, context.getRemainingTimeInMillis() - ANSWER_MARGIN_MS);
      return answer(200, await method({ headers: event.headers, body, principal: principalOf(event), deadline }));
    } catch (error) {
      const body = { Error: explain(error, event, context.awsRequestId) };
      return error instanceof Refusal ? answer(200, body, { 'berth-refusal': error.code }) : answer(500, body);
    }
  };
}

function answer(statusCode: number, body: object, headers: Record<string, string> = {}): LambdaFunctionURLResult {
  return { statusCode, headers: { 'content-type': CONTENT_TYPE, ...headers }, body: JSON.stringify(body) };
}

function bodyOf({ body = '', isBase64Encoded }: LambdaFunctionURLEventWithIAMAuthorizer, maxBytes: number): string {
  const text = isBase64Encoded ? Buffer.from(body, 'base64').toString('utf8') : body;
  if (Buffer.byteLength(text) > maxBytes) {
    throw new Refusal('invalid-request', `the request is larger than ${maxBytes} bytes`);
  }
  return text;
}

/** The caller asks for what belongs to another, by mistake or on purpose. */
const ALARMING: ReadonlySet<RefusalCode> = new Set([
  'foreign-host',
  'foreign-pool',
  'host-taken',
  'not-manager',
  'unsigned-header',
]);

/** What the operators of the fleet should learn of; each is a metric. */
const COUNTED: ReadonlySet<RefusalCode> = new Set(['no-address-left', 'no-pool-left', 'host-taken']);

/**
 * A fault of ours is logged in full, and the caller gets a general message with the request key to find it in the log.
 *
 * @param invocation Lambda's own id of this call, which is in Lambda's log lines.
 */
function explain(
  error: unknown,
  event: LambdaFunctionURLEventWithIAMAuthorizer,
  invocation: string | undefined,
): string {
  const request = event.headers['berth-request'] ?? 'unknown';
  const who = { host: event.headers['berth-host'], principal: principalOf(event) };
  const about = { method: event.rawPath, request, invocation, ...who };
  if (error instanceof Refusal) {
    const { code, message: reason, details } = error;
    log(ALARMING.has(code) ? 'warn' : 'info', 'refused', { ...about, code, reason, ...details });
    if (COUNTED.has(code)) count(metricOf(code));
    return error.message;
  }
  log('error', 'failed', { ...about, error });
  count('failures');
  const known = isRequestKey(request) ? request : 'unknown';
  return `Berth failed to answer (request ${known}); the log of the function says why; trying again may help`;
}

const metricOf = (code: RefusalCode): string => code.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

function count(name: string): void {
  putMetrics({ counts: { [name]: 1 } }, tableName(), Date.now());
}

/** The principal that signed the request, if Lambda has checked the signature. */
function principalOf({ requestContext }: LambdaFunctionURLEventWithIAMAuthorizer): string | undefined {
  const parsed = v.safeParse(iamContext, requestContext);
  return parsed.success ? parsed.output.authorizer.iam.userArn : undefined;
}

const iamContext = v.object({ authorizer: v.object({ iam: v.object({ userArn: v.string() }) }) });

/**
 * Parses a message. An empty body is refused: after a broken connection dockerd repeats a request without its body.
 * Treating that as a request without parameters would allocate a wrong pool (moby/moby#39331).
 */
export function parseMessage<Schema extends v.GenericSchema>(schema: Schema, { body }: Request): v.InferOutput<Schema> {
  if (body.trim() === '') {
    throw new Refusal(
      'invalid-request',
      'the request has no body, which happens when dockerd repeats a request after a broken connection; try again',
    );
  }
  return parseAs(schema, parseJson(body), 'the request');
}

/** A list is an object to a schema without required fields, so it is refused here. */
function parseJson(body: string): unknown {
  const message = jsonOf(body);
  if (!Array.isArray(message)) return message;
  throw new Refusal('invalid-request', 'the request is malformed: body: it is a list, not an object');
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Refusal('invalid-request', 'the request is not JSON');
  }
}

export function parseAs<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  what: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  // Both may repeat what was sent, which may be long.
  const where = clip(v.getDotPath(issue) ?? 'body');
  throw new Refusal('invalid-request', `${what} is malformed: ${where}: ${clip(issue.message, MAX_ISSUE_LENGTH)}`);
}

/** The principal that signed the request. @throws Refusal when it is not signed. */
export function parsePrincipal({ principal }: Request): string {
  if (principal !== undefined) return principal;
  throw new Refusal('invalid-request', 'the request is not signed; sign it with AWS credentials');
}

/**
 * The principal that signed the request, if it may be an operator. Policies keep hosts from calling the console. This
 * check stops an instance whose policy allows too much from declaring other hosts dead or changing spaces.
 *
 * @throws Refusal
 */
export const parseOperator = (request: Request): string =>
  parsePerson(request, 'only an operator may use this function');

/** The same for a viewer: an instance whose policy allows too much does not see what other hosts hold. */
export const parseViewer = (request: Request): string => parsePerson(request, 'only a viewer may use this function');

function parsePerson(request: Request, rule: string): string {
  const principal = parsePrincipal(request);
  if (!isInstance(principal)) return principal;
  throw new Refusal('foreign-host', `${principal} is an EC2 instance; ${rule}`);
}

/** EC2 names the session of an instance's role after the instance. */
const isInstance = (arn: string): boolean =>
  arn.includes(':assumed-role/') && isInstanceId(arn.slice(arn.lastIndexOf('/') + 1));

/** The call, signed by the principal that its host is bound to. @throws Refusal `foreign-host` when another signed it. */
export async function parseOwnCall(request: Request, bindings: Bindings): Promise<Call> {
  const call = parseCall(request);
  const principal = parsePrincipal(request);
  return { ...call, principal, ownEpoch: await bindings.check(call, principal) };
}

/** The call as its headers describe it, of any host. @throws Refusal when the request did not come through a shim. */
export function parseCall({ headers, deadline }: Request): Call {
  const parsed = parseAs(callHeaders, headers, 'the header of the request');
  return {
    hostId: parsed['berth-host'],
    epoch: parsed['berth-epoch'],
    driver: parsed['berth-driver'],
    requestKey: parsed['berth-request'],
    attempt: parsed['berth-attempt'],
    deadline: Math.min(deadline, Date.now() + parsed['berth-remaining-ms']),
  };
}
