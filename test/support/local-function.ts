/** One function behind a Unix socket as in the embedded cloud, with signatures checked, and a client for it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { LambdaFunctionURLEventWithIAMAuthorizer } from 'aws-lambda';
import { functionUrl } from '../../infra/local/function-url.ts';
import { type Key, type Keyring, openKeyring } from '../../infra/local/keyring.ts';
import { type VerifierSettings, signatureVerifier } from '../../infra/local/verify-signature.ts';
import { type Endpoint, parseEndpoint } from '../../shim/endpoint.ts';
import { type Received, listen, send } from './http.ts';

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
  await listen(t, server, socket);
  t.after(() => rm(folder, { recursive: true }));
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

export type PostAnswer = Omit<Received, 'body'> & { readonly body: string };

export async function post({ target }: Endpoint, { path: urlPath, headers, body }: Post): Promise<PostAnswer> {
  const answer = await send({ ...target, path: urlPath, headers }, body);
  return { ...answer, body: answer.body.toString() };
}
