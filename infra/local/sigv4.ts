/**
 * AWS's Signature Version 4 for the verifier, written from its documentation ("Create a signed AWS API request"), not with
 * the library that signs: a shared mistake would go unnoticed.
 */
import { createHash, createHmac } from 'node:crypto';

export interface Message {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  /** Lower case; repeated ones joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Authorization {
  readonly accessKey: string;
  /** YYYYMMDD */
  readonly day: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const HEADER =
  /^AWS4-HMAC-SHA256 Credential=([^/\s,]+)\/(\d{8})\/([^/\s,]+)\/([^/\s,]+)\/aws4_request, ?SignedHeaders=([a-z0-9;_-]+), ?Signature=([0-9a-f]{64})$/;

/** `undefined`: this is not a signature of version 4. */
export function parseAuthorization(header: string): Authorization | undefined {
  const match = HEADER.exec(header);
  if (match === null) return undefined;
  const [, accessKey = '', day = '', region = '', service = '', signedHeaders = '', signature = ''] = match;
  return { accessKey, day, region, service, signedHeaders: signedHeaders.split(';'), signature };
}

export const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

/**
 * The signature that the message would have with this secret. It covers the body only if the hash in the message's header
 * is that of the body.
 */
export function signatureOf(message: Message, authorization: Omit<Authorization, 'signature'>, secret: string): string {
  const { day, region, service } = authorization;
  const toSign = [
    ALGORITHM,
    message.headers['x-amz-date'] ?? '',
    [day, region, service, 'aws4_request'].join('/'),
    sha256(canonicalRequest(message, authorization.signedHeaders)),
  ];
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  return hmac(key, toSign.join('\n')).toString('hex');
}

function canonicalRequest({ method, url, headers, body }: Message, signedHeaders: readonly string[]): string {
  const [path = '', query = ''] = url.split('?', 2);
  const names = [...signedHeaders].sort();
  return [
    method,
    canonicalPath(path),
    canonicalQuery(query),
    ...names.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    names.join(';'),
    headers['x-amz-content-sha256'] ?? sha256(body),
  ].join('\n');
}

/** Encoded once more than received, as for every service except S3. */
function canonicalPath(path: string): string {
  const { pathname } = new URL(path.replace(/\/{2,}/g, '/'), 'http://localhost');
  return pathname.split('/').map(encode).join('/');
}

const canonicalQuery = (query: string): string =>
  [...new URLSearchParams(query)]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');

/** All but RFC 3986's unreserved characters. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
