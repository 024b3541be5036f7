/** Where a function is reached: its URL on AWS, or a socket or port of this machine. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { UserError } from './settings.ts';

export interface Endpoint {
  /** As it was given, for people. */
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
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * @throws UserError unless it is `unix:/PATH`, `http:` on loopback, or `https:`. Plain HTTP never crosses a network: a
 * request says who asks, and nobody should read or change that on its way.
 */
export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith('unix:/')) {
    const target = { protocol: 'http:', host: 'localhost', port: 80, socketPath: text.slice('unix:'.length) } as const;
    return { text, target, agent: new HttpAgent({ keepAlive: true }) };
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url !== undefined &&
    isPlain(url) &&
    (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname)))
  ) {
    const { protocol, port, Agent } = url.protocol === 'https:' ? HTTPS : HTTP;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    return {
      text,
      target: { protocol, host, port: url.port === '' ? port : Number(url.port) },
      agent: new Agent({ keepAlive: true }),
    };
  }
  throw new UserError(
    `bad endpoint ${JSON.stringify(text)}: give https://…, unix:/PATH, or http:// on this machine (127.0.0.1)`,
  );
}

/**
 * Where another function is, as the one that was asked says. What is sent there is signed, and carries the token of the
 * session: it goes no weaker way than the question did.
 *
 * @param asked the function that says so.
 * @throws UserError unless it is an endpoint of the same kind: `https:`, `http:` on loopback, or `unix:`.
 */
export function endpointNamedBy(asked: Endpoint, text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  const [theirs, ours] = [kindOf(endpoint), kindOf(asked)];
  if (theirs === ours) return endpoint;
  throw new UserError(
    `${asked.text} names ${JSON.stringify(text)} as the endpoint of another function: ${ours} was asked, and ${theirs} ` +
      `is not used on its word, for each request carries this host's signature and session token; ` +
      `check that --endpoint is the capabilities function of your stack, and that its BERTH_*_URL variables are ${ours} too`,
  );
}

const kindOf = ({ target: { protocol, socketPath } }: Endpoint): string =>
  socketPath === undefined ? protocol : 'unix:';

/** A function answers at the root of its URL: a path, a query or a password would be dropped without a word. */
const isPlain = ({ protocol, host, href }: URL): boolean => href === `${protocol}//${host}/`;
