/** One function behind a Unix socket as in the embedded cloud, with signatures checked, and a client for it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { LambdaFunctionURLEventWithIAMAuthorizer } from 'aws-lambda';
import { functionUrl } from '../../infra/local/function-url.ts';
import { type Key, type Keyring, openKeyring } from '../../infra/local/keyring.ts';
import { type VerifierSettings, signatureVerifier } from '../../infra/local/verify-signature.ts';
import { type Endpoint, parseEndpoint } from '../../shim/endpoint.ts';

export interface TestFunction {
  readonly folder: string;
  readonly endpoint: Endpoint;
  readonly keyring: Keyring;
  /** The events that reached the handler. */
  readonly events: LambdaFunctionURLEventWithIAMAuthorizer[];
  addKeys(...keys: readonly Key[]): Promise<void>;
}

/** Closed and removed after the test. */
export async function localFunction(t: TestContext, settings: Partial<VerifierSettings> = {}): Promise<TestFunction> {
  // Short, since a Unix socket's path has at most 107 bytes.
  const folder = await mkdtemp(path.join(tmpdir(), 'berth-'));
  const keyring = openKeyring(folder);
  const events: LambdaFunctionURLEventWithIAMAuthorizer[] = [];
  const server = functionUrl({
    name: 'test',
    timeout: 1_000,
    verify: signatureVerifier(keyring, { enforcement: 'require', ...settings }),
    handler: (event) => {
      events.push(event);
      return Promise.resolve({ statusCode: 200, body: '{}' });
    },
  });
  const socket = path.join(folder, 'test.sock');
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });
  return {
    folder,
    endpoint: parseEndpoint(`unix:${socket}`),
    keyring,
    events,
    addKeys: (...keys) => writeFile(path.join(folder, 'keys.json'), keysText(keys)),
  };
}

const keysText = (keys: readonly Key[]): string =>
  JSON.stringify(
    keys.map((key) => ({
      ...key,
      expires: key.expires === undefined ? undefined : new Date(key.expires).toISOString(),
    })),
  );

export interface Post {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
}

export interface PostAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export function post({ target }: Endpoint, { path: urlPath, headers, body }: Post): Promise<PostAnswer> {
  return new Promise((resolve, reject) => {
    const options = { ...target, path: urlPath, method: 'POST', headers, agent: false };
    const call = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
      response.once('error', reject);
    });
    call.once('error', reject);
    call.end(body);
  });
}
