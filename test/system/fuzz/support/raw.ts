/** A client that sends bytes unchanged, and parses the answers. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import * as v from 'valibot';
import { limit } from '../../../support/deadlines.ts';
import { refusalIn } from './clear.ts';

/** ms after which a server that neither answers nor closes has hung; longer than the shim's own deadline. */
const HUNG = limit(30_000);

/**
 * Everything that the server sends on one connection until it closes it.
 *
 * @param end whether the client closes its side, which also ends an incomplete request.
 */
export function exchange(socketPath: string, parts: readonly (Buffer | string)[], end = false): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect(socketPath);
    socket.setTimeout(HUNG, () => socket.destroy(new Error('the server hangs')));
    socket.on('data', (part: Buffer) => received.push(part));
    socket.once('close', () => {
      resolve(Buffer.concat(received));
    });
    // A server that refuses early closes the connection while the client still writes.
    socket.on('error', (error) => {
      if (!('code' in error) || (error.code !== 'EPIPE' && error.code !== 'ECONNRESET')) reject(error);
    });
    for (const part of parts) socket.write(part);
    if (end) socket.end();
  });
}

/** A connection on which a client has sent something and waits. */
export async function leaveHanging(socketPath: string, bytes: Buffer | string): Promise<() => void> {
  const socket = connect(socketPath);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) =>
    socket.write(bytes, () => {
      resolve();
    }),
  );
  return () => {
    socket.destroy();
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

const HEAD = /^HTTP\/1\.1 (\d{3}) [A-Za-z ]+((?:\r\n[A-Za-z-]+: [\x20-\x7e]*)*)\r\n\r\n/;

/** @throws AssertionError unless the bytes are complete answers, one after another. */
export function answersIn(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = bytes.toString('latin1');
  while (rest !== '') {
    const [head = '', status = '', fields = ''] = HEAD.exec(rest) ?? assert.fail(`no answer: ${JSON.stringify(rest)}`);
    const length = Number(/content-length: (\d+)/i.exec(fields)?.[1] ?? 0);
    const isChunked = /transfer-encoding: chunked/i.test(fields);
    const end = head.length + (isChunked ? rest.slice(head.length).indexOf('\r\n\r\n') + 4 : length);
    assert.ok(end <= rest.length, `half an answer: ${JSON.stringify(rest)}`);
    const text = Buffer.from(rest.slice(head.length, end), 'latin1').toString('utf8');
    answers.push({ status: Number(status), text: isChunked ? text.replace(/^0\r\n\r\n$/, '') : text });
    rest = rest.slice(end);
  }
  return answers;
}

const jsonObject = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()));

/**
 * The content of an answer, if the request reached the plugin.
 *
 * @throws AssertionError unless it is an object in which a refusal is clear. Invalid HTTP gets an answer without a body.
 */
export function bodyOf({ status, text }: RawAnswer): Record<string, unknown> | undefined {
  if (status !== 200 && status !== 404) {
    assert.ok([100, 400, 408, 413, 417, 431].includes(status), `HTTP ${status}`);
    assert.equal(text, '');
    return undefined;
  }
  const body = v.parse(jsonObject, text);
  refusalIn(status, body);
  return body;
}

/** A request as it goes over the wire, after which the server must close the connection. */
export function requestText(
  line: string,
  body: Buffer | string,
  fields: readonly string[] = [`Content-Length: ${Buffer.byteLength(body)}`],
): Buffer {
  const head = [line, 'Host: plugin.moby.localhost', 'Connection: close', ...fields].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), Buffer.from(body)]);
}

/** A body in chunks. */
export const inChunks = (...parts: readonly string[]): string =>
  [...parts, ''].map((part) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`).join('');
