/** A request to a running shim, over its own socket. */
import { request } from 'node:http';
import { readBody } from '../read-body.ts';

const MAX_ANSWER_BYTES = 16_777_216;

/**
 * @param timeout ms
 * @throws Error when no shim serves the socket, or it does not answer in time.
 */
export function askShim(socketPath: string, path: string, timeout: number, body = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path, method: 'POST', signal: AbortSignal.timeout(timeout) }, (response) => {
      readBody(response, MAX_ANSWER_BYTES).then((bytes) => {
        resolve(bytes?.toString('utf8') ?? '');
      }, reject);
    });
    asking.once('error', reject);
    asking.end(body);
  });
}
