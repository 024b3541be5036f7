import type { IncomingMessage } from 'node:http';

/** Reads a body of at most `limit` bytes. `undefined`: the body is larger, and was discarded. */
export async function readBody(message: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of message) {
    const bytes: unknown = part;
    if (!Buffer.isBuffer(bytes)) continue;
    size += bytes.length;
    if (size <= limit) parts.push(bytes);
  }
  return size <= limit ? Buffer.concat(parts) : undefined;
}
