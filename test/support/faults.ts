/** What may happen to one request on its way to a function, or to its answer on the way back. */
import type { Socket } from 'node:net';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { WireAnswer } from './wire-answers.ts';

export type Fault =
  /** The request is delayed. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The connection breaks before the function sees the request. */
  | { readonly kind: 'drop-before' }
  /** The function carries it out, its answer is lost, and the connection breaks. */
  | { readonly kind: 'drop-after' }
  /** The function receives the request twice; the second answer comes back. */
  | { readonly kind: 'duplicate'; readonly order: 'in turn' | 'at once' }
  /** The connection breaks at once, and the request arrives later, perhaps after its repetition. */
  | { readonly kind: 'late'; readonly ms: number }
  /** Half of the answer comes back, then the connection breaks. */
  | { readonly kind: 'truncate' }
  /** The connection breaks while the request is still being sent. */
  | { readonly kind: 'reset' }
  /** The answer comes byte by byte. */
  | { readonly kind: 'drip'; readonly pause: number }
  /** An intermediary answers; `carriedOut`: the function receives the request all the same. */
  | { readonly kind: 'answer'; readonly answer: WireAnswer; readonly carriedOut: boolean }
  /** No answer ever arrives. */
  | { readonly kind: 'hang'; readonly carriedOut: boolean };

/** One request at the proxy. */
export interface Exchange {
  readonly connection: Socket;
  readonly response: ServerResponse;
  /** Resolves when the complete request has arrived. */
  readonly arrived: Promise<unknown>;
  /** Sends it to the function. */
  readonly deliver: () => Promise<WireAnswer>;
  /** Aborted when the proxy closes. */
  readonly ended: AbortSignal;
}

export function pass({ response }: Exchange, { status, headers, body }: WireAnswer): void {
  response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
}

/** Resolves when no part of the exchange is in progress any more. */
export async function befall(fault: Fault | undefined, exchange: Exchange): Promise<void> {
  if (fault?.kind === 'reset') exchange.connection.destroy();
  await exchange.arrived;
  switch (fault?.kind) {
    case undefined:
      pass(exchange, await exchange.deliver());
      return;
    case 'delay':
      await pause(exchange, fault.ms);
      pass(exchange, await exchange.deliver());
      return;
    case 'reset':
    case 'drop-before':
      exchange.connection.destroy();
      return;
    case 'drop-after':
      await exchange.deliver();
      exchange.connection.destroy();
      return;
    case 'duplicate':
      pass(exchange, await deliverTwice(exchange, fault.order));
      return;
    case 'late':
      exchange.connection.destroy();
      await pause(exchange, fault.ms);
      await exchange.deliver();
      return;
    case 'truncate':
      await truncate(exchange, await exchange.deliver());
      return;
    case 'drip':
      await drip(exchange, await exchange.deliver(), fault.pause);
      return;
    case 'answer':
      if (fault.carriedOut) await exchange.deliver();
      pass(exchange, fault.answer);
      return;
    case 'hang':
      if (fault.carriedOut) await exchange.deliver();
      return;
  }
}

/** A proxy that closes forwards the delayed requests at once. */
const pause = ({ ended }: Exchange, ms: number): Promise<void> =>
  delay(ms, undefined, { signal: ended }).catch(() => undefined);

async function deliverTwice({ deliver }: Exchange, order: 'in turn' | 'at once'): Promise<WireAnswer> {
  const first = deliver();
  if (order === 'in turn') await first;
  const [, second] = await Promise.all([first, deliver()]);
  return second;
}

async function truncate({ connection, response }: Exchange, { status, headers, body }: WireAnswer): Promise<void> {
  response.writeHead(status, { ...headers, 'content-length': body.length });
  await new Promise((resolve) => response.write(body.subarray(0, Math.floor(body.length / 2)), resolve));
  connection.destroy();
}

async function drip(exchange: Exchange, { status, headers, body }: WireAnswer, ms: number): Promise<void> {
  const { connection, response } = exchange;
  response.writeHead(status, { ...headers, 'content-length': body.length });
  for (const byte of body) {
    if (connection.destroyed) return;
    response.write(Buffer.of(byte));
    await pause(exchange, ms);
  }
  response.end();
}
