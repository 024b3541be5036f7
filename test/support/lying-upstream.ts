/** Functions without a cloud: they answer as a test says. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { UnixListener } from './unix-listener.ts';
import { type WireAnswer, json } from './wire-answers.ts';

export interface Heard {
  readonly path: string;
  readonly headers: Readonly<IncomingMessage['headers']>;
  readonly body: string;
}

/** An answer, or any other handling of a request, such as none at all. */
export type Lie = WireAnswer | ((request: IncomingMessage, response: ServerResponse) => void);

/** The functions that a handshake may name, all at one socket. */
const FUNCTIONS = ['Pools', 'Addresses', 'Hosts'];

export class LyingUpstream {
  readonly #lies = new Map<string, readonly Lie[]>();
  readonly #heard: Heard[] = [];
  #listener: UnixListener | undefined;

  /** @param folder where its socket goes. */
  static async open(folder: string): Promise<LyingUpstream> {
    const upstream = new LyingUpstream();
    const socket = path.join(folder, 'upstream.sock');
    upstream.say('/Berth.Handshake', handshakeAt(`unix:${socket}`));
    upstream.#listener = await UnixListener.open(socket, (request, response) => {
      void upstream.#respond(request, response);
    });
    return upstream;
  }

  /** For a shim. */
  get endpoint(): string {
    return `unix:${this.#listener?.path ?? ''}`;
  }

  get heard(): readonly Heard[] {
    return this.#heard;
  }

  /** Answers the requests of a path with one answer after the other, and all further ones with the last. */
  say(url: string, ...lies: readonly [Lie, ...Lie[]]): void {
    this.#lies.set(url, lies);
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '/', headers } = request;
    this.#heard.push({ path: url, headers, body: await text(request).catch(() => '') });
    const lie = this.#nextFor(url);
    if (typeof lie === 'function') lie(request, response);
    else response.writeHead(lie.status, { ...lie.headers, 'content-length': lie.body.length }).end(lie.body);
  }

  #nextFor(url: string): Lie {
    const [next = json({}), ...rest] = this.#lies.get(url) ?? [];
    if (rest.length > 0) this.#lies.set(url, rest);
    return next;
  }
}

const handshakeAt = (endpoint: string): WireAnswer =>
  json({
    Capabilities: { RequiresMACAddress: true, RequiresRequestReplay: false },
    AddressSpaces: { LocalDefaultAddressSpace: 'default', GlobalDefaultAddressSpace: 'default.global' },
    Functions: Object.fromEntries(FUNCTIONS.map((name) => [name, endpoint])),
  });
