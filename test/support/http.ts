/** HTTP between the processes of a test: servers that end with it, and a request on a connection of its own. */
import { type IncomingHttpHeaders, type RequestOptions, Server as HttpServer, request } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { ListenOptions, Server } from 'node:net';
import type { TestContext } from 'node:test';
import { buffer } from 'node:stream/consumers';

/**
 * Listens until the test is over.
 *
 * @param at the path of a Unix socket, or a port; by default a free port of this machine.
 * @returns the port; 0 for a socket.
 */
export async function listen(
  t: Pick<TestContext, 'after'>,
  server: Server,
  at: ListenOptions | string = { port: 0, host: '127.0.0.1' },
): Promise<number> {
  await new Promise<void>((resolve) => server.listen(typeof at === 'string' ? { path: at } : at, resolve));
  t.after(() => {
    if (server instanceof HttpServer || server instanceof TlsServer) server.closeAllConnections();
    server.close();
  });
  return portOf(server);
}

/** 0 for a Unix socket. @throws Error when the server does not listen. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null) throw new Error('the server is closed');
  return typeof address === 'string' ? 0 : address.port;
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** @param to the method is POST, unless it says otherwise; `timeout` is in ms. */
export function send(to: RequestOptions, body: string | Buffer): Promise<Received> {
  return new Promise((resolve, reject) => {
    const sent = request({ method: 'POST', agent: false, ...to }, (response) => {
      buffer(response).then((bytes) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes });
      }, reject);
    });
    sent.once('timeout', () => sent.destroy(new Error(`${to.path ?? ''}: no answer`)));
    sent.once('error', reject);
    sent.end(body);
  });
}
