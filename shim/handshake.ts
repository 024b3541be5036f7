/**
 * What the shim asks of the capabilities function when it starts: what each driver can do, its address spaces, and where
 * the other functions are. Kept on disk, because dockerd's question must never wait for a network: a failure there
 * silently disables a driver's capabilities until dockerd restarts.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import path from 'node:path';
import * as v from 'valibot';
import { readBody } from './body.ts';
import { type Endpoint, parseEndpoint } from './endpoint.ts';
import { readIfThere, writeDurably } from './files.ts';
import { UserError } from './settings.ts';

export const DRIVERS = ['berth', 'berth-ipvlan'] as const;
export type Driver = (typeof DRIVERS)[number];

const schema = v.object({
  Capabilities: v.object({ RequiresMACAddress: v.boolean(), RequiresRequestReplay: v.boolean() }),
  AddressSpaces: v.object({ LocalDefaultAddressSpace: v.string(), GlobalDefaultAddressSpace: v.string() }),
  Functions: v.object({ Pools: v.string(), Addresses: v.string() }),
});

export interface Handshake {
  readonly capabilities: object;
  readonly addressSpaces: object;
  readonly pools: Endpoint;
  readonly addresses: Endpoint;
}

const TIMEOUT = 5_000;
const MAX_ANSWER_BYTES = 65_536;

/**
 * Asks the function; where it cannot be reached, takes what an earlier start kept.
 *
 * @param warn is told when an old answer serves.
 * @throws UserError when neither is to be had.
 */
export async function shakeHands(
  endpoint: Endpoint,
  driver: Driver,
  space: string,
  folder: string,
  warn: (message: string) => void,
): Promise<Handshake> {
  const file = path.join(folder, `handshake-${driver}.json`);
  const key = `${endpoint.text} ${space}`;
  try {
    const answer = await ask(endpoint, driver, space);
    const handshake = parse(answer);
    writeDurably(file, JSON.stringify({ key, answer }));
    return handshake;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const kept = readKept(file, key);
    if (kept === undefined) {
      throw new UserError(`the capabilities function does not answer at ${endpoint.text}: ${why}`, { cause: error });
    }
    warn(`the capabilities function does not answer (${why}): its answer of an earlier start serves`);
    return parse(kept);
  }
}

const keptFile = v.object({ key: v.string(), answer: v.string() });

function readKept(file: string, key: string): string | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const kept = v.safeParse(v.pipe(v.string(), v.parseJson(), keptFile), text);
  return kept.success && kept.output.key === key ? kept.output.answer : undefined;
}

function parse(answer: string): Handshake {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), answer);
  if (!parsed.success) throw new Error(`this is no answer of Berth: ${answer.slice(0, 200)}`);
  const { Capabilities: capabilities, AddressSpaces: addressSpaces, Functions: functions } = parsed.output;
  return {
    capabilities,
    addressSpaces,
    pools: parseEndpoint(functions.Pools),
    addresses: parseEndpoint(functions.Addresses),
  };
}

async function ask(endpoint: Endpoint, driver: Driver, space: string): Promise<string> {
  const send = endpoint.target.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(
      {
        ...endpoint.target,
        agent: endpoint.agent,
        path: '/Berth.Handshake',
        method: 'POST',
        headers: { 'berth-driver': driver, 'berth-space': space, 'content-length': 0 },
        signal: AbortSignal.timeout(TIMEOUT),
      },
      (response) => {
        readBody(response, MAX_ANSWER_BYTES).then((body) => {
          if (response.statusCode === 200 && body !== undefined) resolve(body.toString('utf8'));
          else reject(new Error(`HTTP ${response.statusCode ?? 0} ${body?.toString('utf8').slice(0, 200) ?? ''}`));
        }, reject);
      },
    );
    request.once('error', reject);
    request.end();
  });
}
