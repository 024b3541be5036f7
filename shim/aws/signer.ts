/** Signs requests to the functions as AWS demands (Signature Version 4), so that it knows who asks. */
import { statSync } from 'node:fs';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Endpoint } from '../endpoint.ts';
import { Clock } from './clock.ts';
import { CredentialCache } from './credential-cache.ts';
import { type CredentialSource, credentialSource, localCredentialsFile } from './credential-source.ts';
import { type SigningScope, signingScope } from './scope.ts';
import { Sha256 } from './sha256.ts';

/** What cannot be read is there: who reads it says why not. */
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

export interface Signer {
  /**
   * Headers to send, in lower case: those given, plus authorization, host, x-amz-date, x-amz-content-sha256 and, where
   * the credentials have one, x-amz-security-token.
   *
   * @throws CredentialsError in words with the remedy, and without secrets, when no credentials are to be had.
   */
  sign(request: Unsigned): Promise<Record<string, string>>;
  /**
   * Takes the `date` header of an answer that refused our signature.
   *
   * @returns whether our clock was off by more than allowed and is right from now on, so that a repeat may succeed.
   */
  learnClock(serverDate: string | undefined): boolean;
  /** Forgets cached credentials, so that the next request is signed with fresh ones. */
  forgetCredentials(): void;
}

export interface SignerParts {
  readonly scope: SigningScope;
  readonly credentials: CredentialCache;
  readonly clock: Clock;
}

/** Whoever gives these on must not say what is signed, or as whom. */
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
 * Makes the signer of an endpoint; all of them share what they learn of the clock, and credentials that come from the
 * same place.
 *
 * @param region for endpoints whose name does not tell it.
 * @throws UserError, by what it returns, when an endpoint's region is not to be known.
 */
export function signers(region: string | undefined, now: () => number = Date.now): (endpoint: Endpoint) => Signer {
  const clock = new Clock(now);
  const caches = new Map<string | undefined, CredentialCache>();
  const cacheOf = (file: string | undefined, source: CredentialSource): CredentialCache => {
    const cache = caches.get(file) ?? new CredentialCache(source, () => clock.now());
    caches.set(file, cache);
    return cache;
  };
  return (endpoint) => {
    const scope = signingScope(endpoint, region);
    const file = localCredentialsFile(endpoint);
    const signer = createSigner({ scope, clock, credentials: cacheOf(file, credentialSource(file, scope.region)) });
    return file === undefined ? signer : whereAnyoneSigns(file, signer);
  };
}

/**
 * A socket without credentials beside it is guarded by its mode alone. AWS's chain is not asked for it beyond its
 * variables: it would go looking for an instance's role, and no role is meant for what is on this machine.
 */
const whereAnyoneSigns = (file: string, signer: Signer): Signer => ({
  ...signer,
  sign: async (request) =>
    isThere(file) || (process.env['AWS_ACCESS_KEY_ID'] ?? '') !== '' ? signer.sign(request) : toSign(request).headers,
});

export function createSigner({ scope, credentials, clock }: SignerParts): Signer {
  const signature = new SignatureV4({ ...scope, sha256: Sha256, credentials: () => credentials.get() });
  return {
    sign: async (request) => (await signature.sign(toSign(request), { signingDate: new Date(clock.now()) })).headers,
    learnClock: (serverDate) => clock.learn(serverDate),
    forgetCredentials: () => {
      credentials.forget();
    },
  };
}

function toSign({ hostname, port, path, headers, body }: Unsigned) {
  if (/[?#]/.test(path)) throw new Error(`a path without a query is signed, not ${path}`);
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

/** As HTTP clients write it: a default port is left out, an IPv6 address has brackets. */
function hostHeader(hostname: string, port: number | undefined): string {
  const name = hostname.includes(':') ? `[${hostname}]` : hostname;
  return DEFAULT_PORTS.includes(port) ? name : `${name}:${port ?? ''}`;
}
