/**
 * A proxy between a shim and the functions of a local cloud, which applies the given faults to requests. A shim is
 * given its `endpoint`; in the answer of the handshake every function's socket is replaced by one of the proxy's own.
 */
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import * as v from 'valibot';
import { type Fault, befall } from './faults.ts';
import { send } from './http.ts';
import { UnixListener } from './unix-listener.ts';
import type { WireAnswer } from './wire-answers.ts';

export interface Rule {
  /** Such as `/IpamDriver.RequestPool`; every path if left out. */
  readonly path?: string | undefined;
  /** As the shim counts them, from 1; every attempt if left out. */
  readonly attempt?: number | undefined;
  /** Only the nth request that matches the rest of the rule, from 1. */
  readonly nth?: number;
  readonly fault: Fault;
}

/** A request that reached the proxy. */
export interface Passage {
  readonly path: string;
  readonly attempt: number;
  readonly requestKey: string;
  /** Of the request, in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly fault: Fault['kind'] | undefined;
  /** How often a function has answered the request. */
  readonly delivered: number;
  /** The function's last answer, unchanged. */
  readonly answer: WireAnswer | undefined;
}

type Noted = { -readonly [Field in keyof Passage]: Passage[Field] };

const UNIX = 'unix:';
const HANDSHAKE = '/Berth.Handshake';
const handshake = v.pipe(
  v.string(),
  v.parseJson(),
  v.looseObject({ Functions: v.record(v.string(), v.pipe(v.string(), v.startsWith(`${UNIX}/`))) }),
);

export class FaultProxy {
  readonly #folder: string;
  readonly #listeners = new Map<string, UnixListener>();
  readonly #passages: Noted[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  #lasting: { readonly rule: Rule; seen: number }[] = [];
  #rules: { readonly rule: Rule; seen: number }[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * @param folder an empty one, for the sockets.
   * @param endpoint the capabilities function's: `unix:PATH`.
   */
  static async open(folder: string, endpoint: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(folder);
    const upstream = endpoint.slice(UNIX.length);
    // If a local cloud requires signatures, the credentials of its callers are next to its sockets.
    symlinkSync(path.join(path.dirname(upstream), 'credentials'), path.join(folder, 'credentials'));
    await proxy.#listen('capabilities', upstream);
    return proxy;
  }

  /** For a shim. */
  get endpoint(): string {
    return UNIX + this.#socket('capabilities');
  }

  /** All requests so far, in order of arrival. */
  get passages(): readonly Passage[] {
    return this.#passages;
  }

  /** These rules come before all others, and `heal` does not end them. */
  insist(...rules: readonly Rule[]): void {
    this.#lasting = rules.map((rule) => ({ rule, seen: 0 }));
  }

  /** Replaces all other rules; the first rule that matches a request decides. */
  program(...rules: readonly Rule[]): void {
    this.#rules = rules.map((rule) => ({ rule, seen: 0 }));
  }

  /** Stops listening: the sockets exist and refuse, or do not exist. */
  async shut(how: 'refuse' | 'vanish'): Promise<void> {
    await Promise.all([...this.#listeners.values()].map((listener) => listener[how]()));
  }

  /** Ends every fault: all requests from now on pass. */
  async heal(): Promise<void> {
    this.program();
    await Promise.all([...this.#listeners.values()].map((listener) => listener.accept()));
  }

  /** Resolves when no request is on its way to a function any more, not even a late one. */
  async quiet(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await Promise.all([...this.#listeners.values()].map((listener) => listener.close()));
    await this.quiet();
  }

  #socket(name: string): string {
    return path.join(this.#folder, `${name.toLowerCase()}.sock`);
  }

  async #listen(name: string, upstream: string): Promise<void> {
    const listener = await UnixListener.open(this.#socket(name), (request, response) => {
      const done = this.#handle(upstream, request, response).catch(() => {
        // The shim has broken off, or the function cannot be reached.
        request.socket.destroy();
      });
      this.#underWay.add(done);
      void done.finally(() => this.#underWay.delete(done));
    });
    this.#listeners.set(name, listener);
  }

  async #handle(upstream: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '/', socket: connection } = request;
    const attempt = Number(request.headers['berth-attempt'] ?? 1);
    const fault = this.#faultFor(url, attempt);
    const passage: Noted = {
      path: url,
      attempt,
      requestKey: String(request.headers['berth-request'] ?? ''),
      headers: request.headers,
      body: '',
      fault: fault?.kind,
      delivered: 0,
      answer: undefined,
    };
    this.#passages.push(passage);
    const body = buffer(request);
    const arrived = body.then((bytes) => {
      passage.body = bytes.toString();
    });
    const deliver = async (): Promise<WireAnswer> => {
      const answer = await forward(upstream, request, await body);
      passage.delivered++;
      passage.answer = answer;
      return url === HANDSHAKE ? this.#standIn(answer) : answer;
    };
    await befall(fault, { connection, response, arrived, deliver, ended: this.#ended.signal });
  }

  #faultFor(url: string, attempt: number): Fault | undefined {
    for (const entry of [...this.#lasting, ...this.#rules]) {
      const { rule } = entry;
      const fits = (rule.path ?? url) === url && (rule.attempt ?? attempt) === attempt;
      if (fits && ++entry.seen === (rule.nth ?? entry.seen)) return rule.fault;
    }
    return undefined;
  }

  /** Takes the place of every function that a handshake names. */
  async #standIn(answer: WireAnswer): Promise<WireAnswer> {
    const parsed = v.safeParse(handshake, answer.body.toString());
    if (!parsed.success) return answer;
    const named = Object.entries(parsed.output.Functions);
    for (const [name, url] of named) {
      if (!this.#listeners.has(name)) await this.#listen(name, url.slice(UNIX.length));
    }
    const ours = Object.fromEntries(named.map(([name]) => [name, UNIX + this.#socket(name)]));
    return { ...answer, body: Buffer.from(JSON.stringify({ ...parsed.output, Functions: ours })) };
  }
}

/** On a connection of its own, so that none breaks because it was idle. */
async function forward(
  socketPath: string,
  { url, method, headers }: IncomingMessage,
  body: Buffer,
): Promise<WireAnswer> {
  const sentOn = { ...endToEnd(headers), 'content-length': body.length };
  const answer = await send({ socketPath, path: url, method, headers: sentOn }, body);
  return { ...answer, headers: endToEnd(answer.headers) };
}

/** Hop-by-hop headers hold for one connection, and each side of the proxy has its own. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length']);

const endToEnd = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (HOP_BY_HOP.has(name) ? [] : [[name, String(value)]])),
  );
