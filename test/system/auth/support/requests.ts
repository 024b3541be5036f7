/** Requests to the functions, signed as an attacker chooses, and sent as raw bytes. */
import { type Key } from '../../../../infra/local/keyring.ts';
import { sha256, signatureOf } from '../../../../infra/local/sigv4.ts';
import { parseEndpoint } from '../../../../shim/endpoint.ts';
import { type PostAnswer, post } from '../../../support/local-function.ts';

export const FUNCTIONS = {
  '/IpamDriver.RequestPool': 'pools',
  '/IpamDriver.ReleasePool': 'pools',
  '/IpamDriver.RequestAddress': 'addresses',
  '/IpamDriver.ReleaseAddress': 'addresses',
  '/Berth.Settle': 'hosts',
  '/Berth.Register': 'hosts',
  '/Berth.Networks': 'hosts',
  '/Berth.Holdings': 'hosts',
  '/Berth.Revive': 'hosts',
  '/Berth.Host': 'console',
  '/Berth.HostState': 'console',
  '/Berth.Space': 'console',
  '/Berth.SetSpace': 'console',
  '/Berth.ViewSpaces': 'viewer',
  '/Berth.ViewUsage': 'viewer',
  '/Berth.ViewPools': 'viewer',
  '/Berth.ViewPool': 'viewer',
  '/Berth.ViewAddresses': 'viewer',
  '/Berth.ViewAddress': 'viewer',
  '/Berth.ViewAddressAt': 'viewer',
  '/Berth.ViewFind': 'viewer',
  '/Berth.ViewFree': 'viewer',
  '/Berth.ViewFreeSubnets': 'viewer',
  '/Berth.ViewHosts': 'viewer',
  '/Berth.ViewHost': 'viewer',
  '/Berth.ViewSpace': 'viewer',
  '/Berth.Check': 'check',
} as const;
export type Path = keyof typeof FUNCTIONS;

/** A request before it is signed. */
export interface Plain {
  readonly path: Path;
  readonly message: object;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Signed {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The function behind whose socket it is received. */
  readonly place: string;
}

export interface Manner {
  readonly key: Pick<Key, 'accessKey' | 'secret' | 'sessionToken'>;
  /** ms since the epoch */
  readonly time?: number;
  /** Names of headers that are sent but not signed. */
  readonly unsigned?: readonly string[];
}

const stamp = (time: number): string => new Date(time).toISOString().replace(/[-:]|\.\d+/g, '');

/** Signs like the shim, by AWS's documentation: all headers except for those in `unsigned`. */
export function sign({ path, message, headers }: Plain, { key, time = Date.now(), unsigned = [] }: Manner): Signed {
  const body = Buffer.from(JSON.stringify(message));
  const all: Record<string, string> = {
    host: 'localhost',
    'content-type': 'application/json',
    ...headers,
    'x-amz-date': stamp(time),
    'x-amz-content-sha256': sha256(body),
    ...(key.sessionToken !== undefined && { 'x-amz-security-token': key.sessionToken }),
  };
  const signedHeaders = Object.keys(all)
    .filter((name) => !unsigned.includes(name))
    .sort();
  const [day, region, service] = [stamp(time).slice(0, 8), 'local', 'lambda'];
  const scope = { accessKey: key.accessKey, day, region, service, signedHeaders };
  const signature = signatureOf({ method: 'POST', url: path, headers: all, body }, scope, key.secret);
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${key.accessKey}/${day}/${region}/${service}/aws4_request, ` +
    `SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`;
  return { path, headers: { ...all, authorization }, body, place: FUNCTIONS[path] };
}

export const send = (cloudFolder: string, { path, headers, body, place }: Signed): Promise<PostAnswer> =>
  post(parseEndpoint(`unix:${cloudFolder}/cloud/${place}.sock`), { path, headers, body });

let sequence = Date.now();

/** Headers of a host's call, with a new key each time. */
export const callHeaders = (host: string): Record<string, string> => ({
  'berth-host': host,
  'berth-epoch': '1',
  'berth-driver': 'berth',
  'berth-request': `${(sequence += 1).toString(36).padStart(9, '0')}auth`,
  'berth-attempt': '1',
  'berth-remaining-ms': '11000',
});
