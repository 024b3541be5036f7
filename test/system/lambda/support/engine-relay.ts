/** A relay between a function and the table's engine, which breaks connections and holds writes at the worst moments. */
import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { portOf } from '../../../support/http.ts';

/** What happens to connections after a long idle time: closed, reset at the next use, or silent. */
export type Decay = 'end' | 'reset' | 'silence';

/** When a write is held forever: before the engine has it, or after it was carried out. */
export type Moment = 'before' | 'after';

interface Connection {
  readonly client: Socket;
  readonly upstream: Socket;
  decay: Decay | undefined;
  trap: Trap | undefined;
}

interface Trap {
  readonly when: Moment;
  readonly spring: () => void;
}

/** The head of a request, which names the operation, arrives in one piece. */
const WRITE = /x-amz-target: DynamoDB_20120810\.(PutItem|UpdateItem|DeleteItem)/i;

export class EngineRelay {
  readonly #engine: URL;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  #trap: Trap | undefined;
  #writesBefore = 0;
  #staleUses = 0;

  private constructor(engine: string) {
    this.#engine = new URL(engine);
    this.#server = createServer((client) => {
      this.#relay(client);
    });
  }

  /** @param engine the URL of the engine. */
  static async open(engine: string): Promise<EngineRelay> {
    const relay = new EngineRelay(engine);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${portOf(this.#server)}`;
  }

  /** How often something was sent on a decayed connection. */
  get staleUses(): number {
    return this.#staleUses;
  }

  /** Lets all current connections decay, like after a long idle time. @returns how many. */
  decay(how: Decay): number {
    for (const connection of this.#connections) {
      connection.decay = how;
      connection.upstream.destroy();
      if (how === 'end') connection.client.end();
    }
    return this.#connections.size;
  }

  /**
   * Sets a trap for the nth write from now on. It replaces a trap that has not sprung.
   *
   * @param sprung is called when that write is held.
   */
  setTrap(when: Moment, nth: number, sprung: () => void): void {
    this.#trap = { when, spring: sprung };
    this.#writesBefore = nth - 1;
  }

  clearTrap(): void {
    this.#trap = undefined;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const { client } of this.#connections) client.destroy();
    await closed;
  }

  #relay(client: Socket): void {
    const upstream = connect(Number(this.#engine.port), this.#engine.hostname);
    const connection: Connection = { client, upstream, decay: undefined, trap: undefined };
    this.#connections.add(connection);
    client.on('data', (bytes) => {
      this.#pass(connection, bytes);
    });
    upstream.on('data', (bytes) => {
      if (connection.trap === undefined) client.write(bytes);
      else connection.trap.spring();
    });
    client.once('close', () => {
      upstream.destroy();
      this.#connections.delete(connection);
    });
    upstream.once('close', () => {
      if (connection.decay === undefined) client.destroy();
    });
    // The `close` event that follows handles it.
    client.on('error', () => undefined);
    upstream.on('error', () => undefined);
  }

  #pass(connection: Connection, bytes: Buffer): void {
    const { client, upstream, decay } = connection;
    if (decay !== undefined) {
      this.#staleUses++;
      if (decay === 'reset') client.resetAndDestroy();
      return;
    }
    if (this.#trap !== undefined && WRITE.test(bytes.toString('latin1')) && this.#writesBefore-- === 0) {
      connection.trap = this.#trap;
      this.#trap = undefined;
    }
    if (connection.trap?.when === 'before') connection.trap.spring();
    else upstream.write(bytes);
  }
}
