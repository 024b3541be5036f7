/** Stand-ins on loopback for AWS's providers of credentials, which answer as AWS documents. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { type IncomingMessage, createServer } from 'node:http';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { readBody } from '../../../../shim/read-body.ts';
import { listen } from '../../../support/http.ts';
import { temporaryFolder } from '../temporary.ts';

export interface StandIn {
  readonly url: string;
  /** Method and path of each request, in order. */
  readonly requests: string[];
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** `undefined`: the stand-in never answers. */
type Answerer = (request: IncomingMessage, body: string) => Answer | undefined;

/** Closed after the test. */
export async function standIn(t: TestContext, answer: Answerer): Promise<StandIn> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    void readBody(request, 65_536).then((body) => {
      const given = answer(request, body?.toString() ?? '');
      if (given !== undefined) response.writeHead(given.status).end(given.body);
    });
  });
  return { url: `http://127.0.0.1:${await listen(t, server)}`, requests };
}

export interface Temporary {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

const json = (body: object, status = 200): Answer => ({ status, body: JSON.stringify(body) });

/** In the format of the metadata services of instances and containers. */
export const metadataOf = ({ accessKeyId, secretAccessKey, sessionToken, expiration }: Temporary): Answer =>
  json({
    Code: 'Success',
    Type: 'AWS-HMAC',
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: expiration.toISOString(),
  });

const ROLE_PATH = '/latest/meta-data/iam/security-credentials/';

/** An instance's metadata service, version 2: it answers only with a token, which only a PUT returns. */
export function instanceMetadata(t: TestContext, give: () => Answer): Promise<StandIn> {
  return standIn(t, ({ method, url, headers }) => {
    if (url === '/latest/api/token') {
      const isAsked = method === 'PUT' && headers['x-aws-ec2-metadata-token-ttl-seconds'] !== undefined;
      return isAsked ? { status: 200, body: 'imds-token' } : { status: 400, body: '' };
    }
    if (headers['x-aws-ec2-metadata-token'] !== 'imds-token') return { status: 401, body: '' };
    if (url === ROLE_PATH) return { status: 200, body: 'fleet' };
    return url === `${ROLE_PATH}fleet` ? give() : { status: 404, body: '' };
  });
}

/** A container's credentials endpoint. */
export const containerCredentials = (t: TestContext, token: string, give: () => Answer): Promise<StandIn> =>
  standIn(t, ({ headers }) => (headers.authorization === token ? give() : json({ message: 'Unauthorized' }, 401)));

/** The portal of IAM Identity Center: `GET /federation/credentials` with the session's token. */
export const ssoPortal = (t: TestContext, token: string, given: Temporary): Promise<StandIn> =>
  standIn(t, ({ headers }) =>
    headers['x-amz-sso_bearer_token'] === token
      ? json({ roleCredentials: { ...given, expiration: given.expiration.getTime() } })
      : json({ __type: 'UnauthorizedException', message: 'Session token not found or invalid' }, 401),
  );

/** STS: returns a role's credentials for a web identity's token, or to a user who signs. */
export const tokenService = (
  t: TestContext,
  isAllowed: (body: string) => boolean,
  given: Temporary,
): Promise<StandIn> =>
  standIn(t, (_, body) => {
    const action = /Action=(\w+)/.exec(body)?.[1] ?? '';
    return isAllowed(body) ? { status: 200, body: assumed(action, given) } : { status: 403, body: stsRefusal };
  });

const assumed = (action: string, { accessKeyId, secretAccessKey, sessionToken, expiration }: Temporary): string =>
  `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>
<AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/fleet/test</Arn><AssumedRoleId>AROA:test</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>
<SessionToken>${sessionToken}</SessionToken><Expiration>${expiration.toISOString()}</Expiration></Credentials>
</${action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></${action}Response>`;

/** Quotes the request, as some refusals of AWS do. */
const stsRefusal = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>User: arn:aws:iam::111122223333:user/ci is not authorized to perform: sts:AssumeRole

The Canonical String for this request should have been x-amz-security-token:given-token</Message></Error>
<RequestId>1</RequestId></ErrorResponse>`;

/**
 * An environment of its own for a test: none of AWS's variables except the given ones, an empty home, and no metadata service
 * unless given.
 *
 * @returns its home
 */
export async function environment(t: TestContext, variables: Readonly<Record<string, string>>): Promise<string> {
  const home = await temporaryFolder(t);
  const kept = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, { HOME: home, AWS_EC2_METADATA_DISABLED: 'true', ...variables });
  t.after(() => {
    for (const name of Object.keys(process.env)) if (!(name in kept)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, kept);
  });
  await mkdir(path.join(home, '.aws/sso/cache'), { recursive: true });
  return home;
}

export const writeConfig = (home: string, text: string): Promise<void> =>
  writeFile(path.join(home, '.aws/config'), text);

/** What `aws sso login` leaves behind. */
export function logInToSso(home: string, session: string, accessToken: string, expiresAt: Date): Promise<void> {
  const name = createHash('sha1').update(session).digest('hex');
  const token = { accessToken, expiresAt: expiresAt.toISOString() };
  return writeFile(path.join(home, `.aws/sso/cache/${name}.json`), JSON.stringify(token));
}
