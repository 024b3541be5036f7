/** The messages of this host to the functions, and the headers that each of them carries. */
import { type CallHeaders, MAX_ATTEMPT, type NetworkHeaders } from '../../protocol/headers.ts';
import type { SettleMessage } from '../../protocol/host-messages.ts';
import { type Driver, type Method, isRelease } from '../../protocol/methods.ts';
import type { FunctionUrlClient } from '../cloud/client.ts';
import type { Failed, Verdict } from '../cloud/verdict.ts';
import type { KeptCall } from '../journal/journal.ts';
import { hostAddresses } from './addresses.ts';
import type { Functions, Handshakes } from './handshake.ts';
import { readHostNetwork } from './routes.ts';
import type { Sequence } from './sequence.ts';

export interface FunctionsClientOptions {
  readonly hostId: string;
  readonly cloud: Pick<FunctionUrlClient, 'ask'>;
  readonly handshakes: ReadonlyMap<Driver, Handshakes>;
  readonly sequence: Sequence;
}

/** A function answers within this time or not at all. */
const FUNCTION_TIMEOUT_MS = 11_000;

const PLACES: Record<Method, keyof Functions> = {
  RequestPool: 'pools',
  ReleasePool: 'pools',
  RequestAddress: 'addresses',
  ReleaseAddress: 'addresses',
};

export class FunctionsClient {
  /** Raised by a fence. */
  epoch = 1;
  readonly #options: FunctionsClientOptions;

  constructor(options: FunctionsClientOptions) {
    this.#options = options;
  }

  /** One attempt at a call of dockerd, with its path and body unchanged. */
  async attempt(call: KeptCall, attempt: number, timeout: number): Promise<Verdict> {
    const { driver, method, key, body } = call;
    const network = method === 'RequestPool' ? await networkHeaders() : {};
    return this.#send(driver, PLACES[method], {
      question: method,
      path: `/IpamDriver.${method}`,
      headers: { ...this.#headers(driver, key, attempt, timeout), ...network },
      body: Buffer.from(body),
      timeout,
    });
  }

  release(call: KeptCall, attempt: number): Promise<Verdict> {
    return this.attempt(call, attempt, FUNCTION_TIMEOUT_MS);
  }

  /** Undoes what the attempts of a call left behind, except for `keep`. */
  settle(call: KeptCall, keep: string | undefined): Promise<Verdict> {
    const { method: Method, key: RequestKey, body, driver } = call;
    if (isRelease(Method)) throw new Error(`${Method} is never undone`);
    const request: unknown = JSON.parse(body);
    const settlement = { Method, RequestKey, Request: request, Keep: keep ?? null } satisfies SettleMessage;
    return this.own(driver, '/Berth.Settle', settlement, 'Settle');
  }

  /** A message of the shim's own to the function for hosts. */
  own(driver: Driver, path: string, message: object, question: 'Settle' | 'own' = 'own'): Promise<Verdict> {
    return this.#send(driver, 'hosts', {
      question,
      path,
      headers: this.#headers(driver, this.#options.sequence.keyAnyway(), 1, FUNCTION_TIMEOUT_MS),
      body: Buffer.from(JSON.stringify(message)),
      timeout: FUNCTION_TIMEOUT_MS,
    });
  }

  #headers(driver: Driver, key: string, attempt: number, timeout: number): CallHeaders {
    return {
      'berth-host': this.#options.hostId,
      'berth-epoch': String(this.epoch),
      'berth-driver': driver,
      'berth-request': key,
      'berth-attempt': String(Math.min(attempt, MAX_ATTEMPT)),
      'berth-remaining-ms': String(Math.max(1, Math.floor(timeout))),
    };
  }

  async #send(
    driver: Driver,
    place: keyof Functions,
    message: Parameters<FunctionUrlClient['ask']>[1],
  ): Promise<Verdict> {
    const handshakes = this.#options.handshakes.get(driver) ?? [...this.#options.handshakes.values()][0];
    const endpoint = handshakes?.current.functions?.[place];
    if (endpoint === undefined) return unknownPlace;
    return this.#options.cloud.ask(endpoint, message);
  }
}

const unknownPlace: Failed = {
  kind: 'failed',
  reason:
    "Berth's functions are not known yet: the capabilities function (--endpoint) has not answered since the shim started; see the shim's log",
  isOpen: false,
  remedy: 'renew',
};

async function networkHeaders() {
  const { routes, nameservers } = await readHostNetwork();
  return {
    'berth-routes': routes.join(','),
    'berth-nameservers': nameservers.join(','),
    'berth-addresses': hostAddresses().join(','),
  } satisfies NetworkHeaders;
}
