/**
 * A connection as dockerd's plugin client keeps it, read byte by byte: HTTP libraries tolerate what must be detected here,
 * such as an unsolicited answer.
 */
import { type Socket, connect } from 'node:net';

/** Nothing was sent: dockerd repeats such a request unchanged. */
export class NotConnected extends Error {}

/** The request was sent, and the connection broke before the answer was complete: its outcome is unknown. */
export class CutOff extends Error {}

export interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

interface Waiting {
  readonly resolve: (answer: RawAnswer) => void;
  readonly reject: (error: Error) => void;
}

export class DockerConnection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #waiting: Waiting | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (part) => {
      this.#received = Buffer.concat([this.#received, part]);
      this.#read();
    });
    // The error itself does not matter: the close that follows reports it.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#waiting?.reject(new CutOff('the connection broke in mid-call')));
  }

  /** @throws NotConnected when no server listens. */
  static open(path: string): Promise<DockerConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const refused = (error: Error): void => {
        reject(new NotConnected(error.message));
      };
      socket.once('error', refused);
      socket.once('connect', () => {
        socket.off('error', refused);
        resolve(new DockerConnection(socket));
      });
    });
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && !this.#socket.readableEnded;
  }

  /** Unsolicited data. */
  get surplus(): string {
    return this.#waiting === undefined ? this.#received.toString() : '';
  }

  /** One call at a time. @throws CutOff */
  async call(path: string, body: string): Promise<RawAnswer> {
    if (this.#waiting !== undefined) throw new Error('one call at a time');
    try {
      return await new Promise<RawAnswer>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        if (!this.isOpen) reject(new CutOff('the connection is closed'));
        this.#socket.write(requestText(path, body));
      });
    } finally {
      this.#waiting = undefined;
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(): void {
    if (this.#waiting === undefined) return;
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#received.subarray(0, end).toString('latin1');
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1];
    const length = /^content-length: *(\d+)$/im.exec(head)?.[1];
    if (status === undefined || length === undefined) {
      this.#waiting.reject(new Error(`no answer that dockerd could read: ${head}`));
      return;
    }
    const after = end + 4 + Number(length);
    if (this.#received.length < after) return;
    const body = this.#received.subarray(end + 4, after).toString();
    this.#received = this.#received.subarray(after);
    this.#waiting.resolve({ status: Number(status), body });
  }
}

const requestText = (path: string, body: string): string =>
  [
    `POST ${path} HTTP/1.1`,
    'Host: plugin.moby.localhost',
    'User-Agent: Go-http-client/1.1',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Accept: application/vnd.docker.plugins.v1.2+json',
    '',
    body,
  ].join('\r\n');
