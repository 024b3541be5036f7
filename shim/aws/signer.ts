/** Signs requests to the functions with AWS Signature Version 4, so that AWS knows the caller. */
import { statSync } from 'node:fs';
import { Sha256Node } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Endpoint } from '../endpoint.ts';
import { Clock } from './clock.ts';
import { CredentialCache } from './credential-cache.ts';
import { type CredentialSource, credentialSource, localCredentialsFile } from './credential-source.ts';
import { type SigningScope, signingScope } from './scope.ts';

/** A file that cannot be read counts as there: reading it later fails with the reason. */
function isThere(file: string): boolean {
  try {
    statSync(file);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
  }
}

/** A POST. */
export interface Unsigned {
  readonly hostname: string;
  readonly port: number | undefined;
  /** Without a query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** How a signer stands, without its secrets. */
export interface Standing {
  /** Where its credentials come from. */
  readonly source: string;
  readonly isHeld: boolean;
  /** ms. `undefined`: they do not expire, or none are held. */
  readonly expiresAt: number | undefined;
  /** ms by which AWS's clock is ahead, once a difference has mattered. */
  readonly clockOffset: number;
}

export interface Signer {
  /**
   * Headers to send, in lower case: those given, plus authorization, host, x-amz-date, x-amz-content-sha256 and, where
   * the credentials have one, x-amz-security-token.
   *
   * @throws CredentialsError when no credentials are available. Its message names the remedy and contains no secrets.
   */
  sign(request: Unsigned): Promise<Record<string, string>>;
  /**
   * Takes the `date` header of an answer that refused our signature.
   *
   * @returns whether our clock was off by more than AWS allows and has been corrected, so that a repeat may succeed.
   */
  learnClock(serverDate: string | undefined): boolean;
  /** Forgets cached credentials, so that the next request is signed with new ones. */
  forgetCredentials(): void;
  standing(): Standing;
}

export interface SignerParts {
  readonly scope: SigningScope;
  readonly credentials: CredentialCache;
  readonly clock: Clock;
  /** Where the credentials come from, for people. */
  readonly source: string;
}

/** The signature sets these headers: a request must not bring its own. */
const OWN_HEADERS = new Set([
  'authorization',
  'date',
  'host',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
]);
const DEFAULT_PORTS: readonly (number | undefined)[] = [undefined, 80, 443];

/**
 * Makes the signer of an endpoint, once for each. All signers share the clock's correction, and the credentials that come from the same
 * source.
 *
 * @param region for endpoints whose name does not contain it.
 * @param profile of AWS's configuration, whose credentials sign unless AWS_PROFILE names another.
 * @throws UserError (the returned function) when an endpoint's region is unknown.
 */
export function signers(
  region: string | undefined,
  { now = Date.now, profile }: { readonly now?: () => number; readonly profile?: string | undefined } = {},
): (endpoint: Endpoint) => Signer {
  const clock = new Clock(now);
  const caches = new Map<string | undefined, CredentialCache>();
  const cacheOf = (file: string | undefined, source: CredentialSource): CredentialCache => {
    const cache = caches.get(file) ?? new CredentialCache(source, () => clock.now());
    caches.set(file, cache);
    return cache;
  };
  const made = new Map<string, Signer>();
  return (endpoint) => {
    const known = made.get(endpoint.text);
    if (known !== undefined) return known;
    const scope = signingScope(endpoint, region);
    const file = localCredentialsFile(endpoint);
    const source = credentialSource(file, { region: scope.region, profile });
    const plain = createSigner({
      scope,
      clock,
      credentials: cacheOf(file, source),
      source: file ?? "the AWS SDK's default chain",
    });
    const signer = file === undefined ? plain : whereAnyoneSigns(file, plain);
    made.set(endpoint.text, signer);
    return signer;
  };
}

/**
 * A socket without a credentials file next to it is guarded by its mode alone. Of AWS's chain, only the variables count
 * for it: the chain would go on to look for an instance's role, and no role is meant for a cloud on this machine.
 */
const whereAnyoneSigns = (file: string, signer: Signer): Signer => ({
  ...signer,
  sign: async (request) =>
    isThere(file) || (process.env['AWS_ACCESS_KEY_ID'] ?? '') !== '' ? signer.sign(request) : toSign(request).headers,
});

export function createSigner({ scope, credentials, clock, source }: SignerParts): Signer {
  const signature = new SignatureV4({ ...scope, sha256: Sha256Node, credentials: () => credentials.get() });
  return {
    sign: async (request) => (await signature.sign(toSign(request), { signingDate: new Date(clock.now()) })).headers,
    learnClock: (serverDate) => clock.learn(serverDate),
    forgetCredentials: () => {
      credentials.forget();
    },
    standing: () => ({
      source,
      isHeld: credentials.isHeld,
      expiresAt: credentials.expiresAt,
      clockOffset: clock.offset,
    }),
  };
}

function toSign({ hostname, port, path, headers, body }: Unsigned) {
  if (/[?#]/.test(path)) throw new Error(`cannot sign ${path}: the path must not have a query`);
  return {
    method: 'POST',
    protocol: 'https:',
    hostname,
    path,
    query: {},
    headers: { ...givenHeaders(headers), host: hostHeader(hostname, port) },
    body,
  };
}

const givenHeaders = (headers: Unsigned['headers']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => !OWN_HEADERS.has(name)),
  );

/** As HTTP clients write it: without a default port, and with brackets around an IPv6 address. */
function hostHeader(hostname: string, port: number | undefined): string {
  const name = hostname.includes(':') ? `[${hostname}]` : hostname;
  return DEFAULT_PORTS.includes(port) ? name : `${name}:${port ?? ''}`;
}
