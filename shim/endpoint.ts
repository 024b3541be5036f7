/** Where a function is reached: its URL on AWS, or a socket or port of this machine. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import { UsageError, UserError } from './user-error.ts';

export interface Endpoint {
  /** The text that was given, for messages. */
  readonly text: string;
  /** What Node's HTTP client connects to; with a socket, host and port are names only. */
  readonly target: {
    readonly protocol: 'http:' | 'https:';
    readonly host: string;
    readonly port: number;
    readonly socketPath?: string;
  };
  readonly agent: HttpAgent;
}

const HTTP = { protocol: 'http:', port: 80, Agent: HttpAgent } as const;
const HTTPS = { protocol: 'https:', port: 443, Agent: HttpsAgent } as const;
const LOOPBACK = new Set(['127.0.0.1', '[::1]']);
/** Names of this machine (RFC 6761, section 6.3), which local gateways and emulators of AWS use. */
const LOCALHOST = /^(?:[a-z0-9_-]+\.)*localhost$/;

/**
 * An endpoint that a person gave.
 *
 * @throws UsageError unless it is `unix:/PATH`, `http:` on loopback, or `https:`. Plain HTTP must not cross a network, where
 * a request and its credentials could be read or changed.
 */
export function parseEndpoint(text: string): Endpoint {
  const parsed = endpointOf(text);
  if (typeof parsed === 'string') throw new UsageError(parsed);
  return parsed;
}

/** @returns the reason if it is not an endpoint. */
function endpointOf(text: string): Endpoint | string {
  if (text.startsWith('unix:/')) {
    const target = { protocol: 'http:', host: 'localhost', port: 80, socketPath: text.slice('unix:'.length) } as const;
    return { text, target, agent: new HttpAgent({ keepAlive: true }) };
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !mayCarry(url)) {
    return (
      `bad endpoint ${JSON.stringify(text)}: give https://…, unix:/PATH, or http:// on this machine ` +
      '(127.0.0.1, [::1], localhost or NAME.localhost)'
    );
  }
  const excess = excessOf(url);
  if (excess !== undefined) return excess;
  const { protocol, port, Agent } = url.protocol === 'https:' ? HTTPS : HTTP;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    text,
    target: { protocol, host, port: url.port === '' ? port : Number(url.port) },
    agent: new Agent({ keepAlive: true, ...(LOCALHOST.test(host) && { lookup: thisMachine }) }),
  };
}

const mayCarry = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && (LOOPBACK.has(hostname) || LOCALHOST.test(hostname)));

/** Resolves without DNS, whose answer might be another machine. */
const thisMachine: LookupFunction = (_name, { all }, callback) => {
  const [first, second] = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  if (all === true) callback(null, [first, second]);
  else callback(null, first.address, first.family);
};

/**
 * A function answers at the root of its URL; anything else in the URL would be silently ignored.
 *
 * @returns the reason that names the excess parts, but does not repeat a password. `undefined`: it has no such part.
 */
function excessOf({ protocol, host, pathname, search, hash, username, password }: URL): string | undefined {
  const more = [
    ...(pathname === '/' ? [] : [`a path, ${pathname}`]),
    ...(search === '' ? [] : [`a query, ${search}`]),
    ...(hash === '' ? [] : [`a fragment, ${hash}`]),
    ...(username + password === '' ? [] : ['a user name or password']),
  ];
  if (more.length === 0) return undefined;
  const root = `${protocol}//${host}/`;
  return `bad endpoint: ${root} is given with ${more.join(' and ')}, but Berth answers at the root; give ${root}`;
}

/**
 * The endpoint of another function, as named by the function that was asked. Requests to it carry the signature and the
 * session token, so the connection must not be weaker than the one to the function that was asked.
 *
 * @param asked the function that named it.
 * @throws UserError unless it is an endpoint of the same kind: `https:`, `http:` on loopback, or `unix:`.
 */
export function endpointNamedBy(asked: Endpoint, text: string): Endpoint {
  const endpoint = endpointOf(text);
  if (typeof endpoint === 'string') throw new UserError(endpoint);
  const [theirs, ours] = [kindOf(endpoint), kindOf(asked)];
  if (theirs === ours) return endpoint;
  throw new UserError(
    `${asked.text} names ${JSON.stringify(text)} as the endpoint of another function, but Berth does not go from ${ours} to ` +
      `${theirs}, since each request carries this host's signature and session token; ` +
      `check that --endpoint is the capabilities function of your stack, and that its BERTH_*_URL variables are ${ours} too`,
  );
}

const kindOf = ({ target: { protocol, socketPath } }: Endpoint): string =>
  socketPath === undefined ? protocol : 'unix:';
