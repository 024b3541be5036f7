/** Checks a request's signature as AWS does before it calls a function through its URL, and refuses in AWS's words. */
import { timingSafeEqual } from 'node:crypto';
import type { Key, Keyring } from './keyring.ts';
import { type Authorization, type Message, parseAuthorization, sha256, signatureOf } from './sigv4.ts';

/** With `accept-unsigned`, a request without a signature counts as the local principal's. A signature is always checked. */
export type Enforcement = 'require' | 'accept-unsigned';

export interface Refusal {
  /** The name that AWS sends in `x-amzn-errortype`. */
  readonly type: string;
  readonly body: object;
  /** The time, by the clock that checked the signature. */
  readonly date: string;
}

export type Verdict = { readonly key: Key } | { readonly refusal: Refusal };
export type Verify = (message: Message) => Verdict;

export interface VerifierSettings {
  readonly enforcement: Enforcement;
  /** `undefined`: any region is accepted, since a machine has none. */
  readonly region?: string;
  /** ms since the epoch */
  readonly now?: () => number;
}

class Refused extends Error {
  readonly type: string;
  readonly body: object;

  constructor(type: string, body: object) {
    super(type);
    this.type = type;
    this.body = body;
  }
}

const SERVICE = 'lambda';
/** The most ms between signing and arrival, in either direction. */
const MAX_CLOCK_DIFFERENCE_MS = 5 * 60_000;

export function signatureVerifier(keyring: Keyring, settings: VerifierSettings): Verify {
  const { enforcement, region, now = Date.now } = settings;
  return (message) => {
    const time = now();
    try {
      const header = message.headers['authorization'];
      if (header === undefined && enforcement === 'accept-unsigned') return { key: keyring.local };
      return { key: verified(message, header, { keyring, region, time }) };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { type, body } = error;
      return { refusal: { type, body, date: new Date(time).toUTCString() } };
    }
  };
}

/** @throws Refused */
function verified(
  message: Message,
  header: string | undefined,
  { keyring, region, time }: { keyring: Keyring; region: string | undefined; time: number },
): Key {
  if (header === undefined) throw new Refused('AccessDeniedException', { Message: 'Forbidden' });
  const authorization = parseAuthorization(header);
  if (authorization === undefined)
    throw refused('IncompleteSignatureException', 'The authorization header is malformed.');
  checkScope(authorization, region);
  checkSignedHeaders(authorization, message);
  const key = keyring.find(authorization.accessKey);
  checkToken(key, message.headers['x-amz-security-token'], time);
  checkDate(authorization, message.headers['x-amz-date'] ?? '', time);
  checkSignature(message, authorization, key.secret);
  return key;
}

const refused = (type: string, message: string): Refused => new Refused(type, { message });
const invalid = (message: string): Refused => refused('InvalidSignatureException', message);

function checkScope({ service, region }: Authorization, expected: string | undefined): void {
  if (service !== SERVICE) throw invalid(`Credential should be scoped to correct service: '${SERVICE}'. `);
  if (expected !== undefined && region !== expected) throw invalid('Credential should be scoped to a valid region. ');
}

/** What AWS acts on must be signed, or a proxy on the way could change it. */
function checkSignedHeaders({ signedHeaders }: Authorization, { headers }: Message): void {
  const needed = ['host', 'x-amz-date', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  const missing = needed.find((name) => !signedHeaders.includes(name));
  if (missing !== undefined) throw invalid(`'${missing}' must be a 'SignedHeader' in the AWS Authorization.`);
}

function checkToken(key: Key | undefined, token: string | undefined, time: number): asserts key is Key {
  if (key === undefined || key.sessionToken !== token) {
    throw refused('UnrecognizedClientException', 'The security token included in the request is invalid.');
  }
  if (key.expires !== undefined && key.expires <= time) {
    throw refused('ExpiredTokenException', 'The security token included in the request is expired');
  }
}

function checkDate({ day }: Authorization, sent: string, time: number): void {
  const signed = parseTime(sent);
  if (signed === undefined) throw invalid("Date must be in ISO-8601 'basic format'.");
  if (!sent.startsWith(day)) throw invalid(`Date in Credential scope does not match the date of the request: ${sent}.`);
  const [earliest, latest] = [time - MAX_CLOCK_DIFFERENCE_MS, time + MAX_CLOCK_DIFFERENCE_MS];
  if (signed < earliest) {
    throw invalid(
      `Signature expired: ${sent} is now earlier than ${formatTime(earliest)} (${formatTime(time)} - 5 min.)`,
    );
  }
  if (signed > latest) {
    throw invalid(
      `Signature not yet current: ${sent} is still later than ${formatTime(latest)} (${formatTime(time)} + 5 min.)`,
    );
  }
}

/** ms since the epoch */
function parseTime(text: string): number | undefined {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3:$4:$5');
  const time = iso === text ? NaN : Date.parse(iso);
  return Number.isNaN(time) ? undefined : time;
}

const formatTime = (time: number): string => new Date(time).toISOString().replace(/[-:]|\.\d+/g, '');

function checkSignature(message: Message, authorization: Authorization, secret: string): void {
  const bodyHash = message.headers['x-amz-content-sha256'];
  const isWhole = bodyHash === undefined || bodyHash === sha256(message.body);
  const expected = Buffer.from(signatureOf(message, authorization, secret), 'hex');
  if (isWhole && timingSafeEqual(expected, Buffer.from(authorization.signature, 'hex'))) return;
  throw invalid(
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key ' +
      'and signing method. Consult the service documentation for details.',
  );
}
