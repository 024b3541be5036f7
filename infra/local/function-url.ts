/** A Function URL on this machine: turns an HTTP request into the event of Lambda, and the handler's result into HTTP. */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { LambdaFunctionURLEventWithIAMAuthorizer, LambdaFunctionURLResult } from 'aws-lambda';
import type { Handler } from '../../functions/lambda/handler.ts';
import { log } from '../../functions/lambda/log.ts';
import { readBody } from '../../shim/read-body.ts';
import type { Key } from './keyring.ts';
import type { Refusal, Verify } from './verify-signature.ts';

/** Lambda's limit for a request. */
const MAX_BODY_BYTES = 6 * 1024 * 1024;
const ACCOUNT = '000000000000';

export interface LocalFunction {
  readonly name: string;
  readonly handler: Handler;
  /** ms within which the function must answer. */
  readonly timeout: number;
  readonly verify: Verify;
}

export function functionUrl(local: LocalFunction): Server {
  return createServer((request, response) => {
    void respond(local, request, response);
  });
}

async function respond(
  { name, handler, timeout, verify }: LocalFunction,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const body = await readBody(request, MAX_BODY_BYTES);
    if (body === undefined) {
      response.writeHead(413).end('{"Message":"Request Entity Too Large"}');
      return;
    }
    const { method = 'GET', url = '/' } = request;
    const verdict = verify({ method, url, headers: flatHeaders(request), body });
    if ('refusal' in verdict) {
      tell(name, url, request, verdict.refusal);
      refuse(response, verdict.refusal);
      return;
    }
    const deadline = Date.now() + timeout;
    const result = await handler(eventOf(name, request, body, verdict.key), {
      getRemainingTimeInMillis: () => deadline - Date.now(),
    });
    write(response, result);
  } catch (error) {
    // As on Lambda, the error is only in the log; the caller does not see it.
    console.error(error);
    response.writeHead(502, { 'content-type': 'application/json' }).end('{"Message":"Internal Server Error"}');
  }
}

/** On AWS such a request reaches no function, and is counted as `Url4xxCount`. */
function tell(name: string, path: string, { headers }: IncomingMessage, { type, body }: Refusal): void {
  const about = { function: name, path, host: headers['berth-host'], request: headers['berth-request'] };
  log('warn', 'signature refused', { ...about, type, answer: body });
}

/** As AWS does, with the date, from which a caller learns how far off its own clock is. */
function refuse(response: ServerResponse, { type, body, date }: Refusal): void {
  const headers = { 'content-type': 'application/json', 'x-amzn-errortype': type, date };
  response.writeHead(403, headers).end(JSON.stringify(body));
}

function eventOf(
  name: string,
  request: IncomingMessage,
  body: Buffer,
  key: Key,
): LambdaFunctionURLEventWithIAMAuthorizer {
  const [rawPath = '/', rawQueryString = ''] = (request.url ?? '/').split('?');
  const headers = flatHeaders(request);
  const isText = /^(text\/|application\/(json|javascript|xml))/.test(headers['content-type'] ?? '');
  const now = new Date();
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    headers,
    requestContext: {
      accountId: ACCOUNT,
      apiId: name,
      authorizer: { iam: principalOf(key) },
      domainName: 'localhost',
      domainPrefix: name,
      http: {
        method: request.method ?? 'GET',
        path: rawPath,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: now.toISOString(),
      timeEpoch: now.getTime(),
    },
    ...(body.length > 0 && { body: isText ? body.toString('utf8') : body.toString('base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  };
}

/** The signer as Lambda reports it, with names in place of ids: that of a user, or `ROLE:SESSION`. */
function principalOf({ accessKey, userArn }: Key) {
  const [, , , , accountId = '', resource = ''] = userArn.split(':');
  const userId = resource.split('/').slice(1).join(':');
  return { accessKey, accountId, callerId: userId, cognitoIdentity: null, principalOrgId: '', userArn, userId };
}

/** Names in lower case, repeated headers joined by commas, as Lambda passes them. */
const flatHeaders = (request: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(request.headersDistinct).map(([name, values = []]) => [name, values.join(',')]));

function write(response: ServerResponse, result: LambdaFunctionURLResult): void {
  if (typeof result === 'string') {
    response.writeHead(200, { 'content-type': 'application/json' }).end(result);
    return;
  }
  const { statusCode = 200, headers = {}, body = '' } = result;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, String(value));
  response.writeHead(statusCode).end(body);
}
