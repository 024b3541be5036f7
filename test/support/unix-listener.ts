/** An HTTP server on a Unix socket that can refuse connections, disappear, and listen again. */
import { type RequestListener, type Server, createServer } from 'node:http';
import { renameSync, rmSync } from 'node:fs';

export class UnixListener {
  readonly path: string;
  readonly #server: Server;

  private constructor(path: string, respond: RequestListener) {
    this.path = path;
    this.#server = createServer(respond);
    // A connection that closes when idle would be an unintended fault.
    this.#server.keepAliveTimeout = 0;
    this.#server.requestTimeout = 0;
  }

  static async open(path: string, respond: RequestListener): Promise<UnixListener> {
    const listener = new UnixListener(path, respond);
    await listener.#listen();
    return listener;
  }

  /** Breaks every connection and accepts no more: the socket's file stays, as after a crash. */
  async refuse(): Promise<void> {
    const aside = `${this.path}.aside`;
    // Closing a socket removes the file of that name.
    renameSync(this.path, aside);
    await this.#stop();
    renameSync(aside, this.path);
  }

  /** Breaks every connection and accepts no more: the socket's file is removed. */
  async vanish(): Promise<void> {
    await this.#stop();
  }

  /** Does nothing if it listens already. */
  async accept(): Promise<void> {
    if (this.#server.listening) return;
    rmSync(this.path, { force: true });
    await this.#listen();
  }

  async close(): Promise<void> {
    await this.#stop();
    rmSync(this.path, { force: true });
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.path, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  async #stop(): Promise<void> {
    if (!this.#server.listening) return;
    const stopped = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await stopped;
  }
}
