/** The same calls in two ways: through the shim as dockerd sends them, and directly to the functions as a shim sends them. */
import * as v from 'valibot';
import type { Method } from '../protocol/methods.ts';
import type { Signer } from '../shim/aws/signer.ts';
import { type Endpoint, parseEndpoint } from '../shim/endpoint.ts';
import type { Sequence } from '../shim/host/sequence.ts';
import { DOCKERD_HEADERS } from '../test/support/berth-process.ts';
import { limit } from '../test/support/deadlines.ts';
import { send as sendHttp } from '../test/support/http.ts';

export interface Called {
  readonly answer: Answer;
  /** ms from the call to its complete answer, including the signature if there is one. */
  readonly time: number;
}

/** @throws Error when the call is refused or fails. */
export type Caller = (method: Method, message: object) => Promise<Called>;

const answer = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    Error: v.optional(v.string(), ''),
    PoolID: v.optional(v.string(), ''),
    Address: v.optional(v.string(), ''),
  }),
);
type Answer = v.InferOutput<typeof answer>;

/** ms; longer than the shim lets dockerd wait. */
const CALL_TIMEOUT_MS = limit(25_000);

interface Post {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Over kept connections. */
async function post({ target, agent }: Endpoint, { path, headers, body }: Post): Promise<string> {
  const sent = { ...headers, 'content-length': body.length };
  const answer = await sendHttp({ ...target, agent, path, timeout: CALL_TIMEOUT_MS, headers: sent }, body);
  return answer.body.toString();
}

async function timed(method: Method, call: () => Promise<string>): Promise<Called> {
  const began = performance.now();
  const told = await call();
  const time = performance.now() - began;
  const parsed = v.parse(answer, told);
  if (parsed.Error !== '') throw new Error(`${method}: ${parsed.Error}`);
  return { answer: parsed, time };
}

/** As dockerd calls a plugin. */
export function shimCaller(socket: string): Caller {
  const endpoint = parseEndpoint(`unix:${socket}`);
  return (method, message) => {
    const body = Buffer.from(`${JSON.stringify(message)}\n`);
    return timed(method, () => post(endpoint, { path: `/IpamDriver.${method}`, headers: DOCKERD_HEADERS, body }));
  };
}

export interface DirectWay {
  /** The endpoint of the capabilities function. */
  readonly endpoint: Endpoint;
  /** `undefined`: the functions need no signatures. */
  readonly signer: Signer | undefined;
  readonly hostId: string;
  readonly sequence: Sequence;
}

/** Only what a function needs to know about a call. */
export async function directCaller(way: DirectWay): Promise<Caller> {
  const { pools, addresses, hosts } = await handshake(way);
  await register(way, hosts);
  return (method, message) => {
    const endpoint = method.endsWith('Pool') ? pools : addresses;
    const headers = callHeaders(way);
    const body = Buffer.from(`${JSON.stringify(message)}\n`);
    return timed(method, () => send(way.signer, endpoint, { path: `/IpamDriver.${method}`, headers, body }));
  };
}

async function send(signer: Signer | undefined, endpoint: Endpoint, unsigned: Post): Promise<string> {
  if (signer === undefined) return post(endpoint, unsigned);
  const { host: hostname, port } = endpoint.target;
  const headers = await signer.sign({ hostname, port, ...unsigned });
  return post(endpoint, { ...unsigned, headers });
}

const callHeaders = ({ hostId, sequence }: DirectWay): Post['headers'] => ({
  'content-type': 'application/json',
  'berth-host': hostId,
  'berth-epoch': '1',
  'berth-driver': 'berth',
  'berth-request': sequence.requestKey(),
  'berth-attempt': '1',
  'berth-remaining-ms': '11000',
});

const functions = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ Functions: v.object({ Pools: v.string(), Addresses: v.string(), Hosts: v.string() }) }),
);

async function register(way: DirectWay, hosts: Endpoint): Promise<void> {
  const body = Buffer.from(JSON.stringify({ Proposed: 'nonce-bench', ShimVersion: 'bench' }));
  const told = await send(way.signer, hosts, { path: '/Berth.Register', headers: callHeaders(way), body });
  v.parse(v.pipe(v.string(), v.parseJson(), v.object({ Epoch: v.number() })), told);
}

async function handshake(way: DirectWay): Promise<Record<'pools' | 'addresses' | 'hosts', Endpoint>> {
  const unsigned = { path: '/Berth.Handshake', headers: callHeaders(way), body: Buffer.alloc(0) };
  const { Functions } = v.parse(functions, await send(way.signer, way.endpoint, unsigned));
  const { Pools, Addresses, Hosts } = Functions;
  return { pools: parseEndpoint(Pools), addresses: parseEndpoint(Addresses), hosts: parseEndpoint(Hosts) };
}
