/** Requests credentials from AWS's provider chain, and checks the outcome. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { inspect } from 'node:util';
import type { AwsCredentialIdentity } from '@smithy/types';
import { credentialSource } from '../../../../shim/aws/credential-source.ts';
import { CredentialsError } from '../../../../shim/aws/credentials-error.ts';
import type { Temporary } from './stand-ins.ts';

export const HOUR = 3_600_000;
export const GIVEN: Temporary = {
  accessKeyId: 'ASIAGIVEN',
  secretAccessKey: 'given-secret',
  sessionToken: 'given-token',
  // Whole seconds, as AWS gives them.
  expiration: new Date(Math.floor(Date.now() / 1_000) * 1_000 + HOUR),
};

export const ask = (timeout?: number, profile?: string) =>
  credentialSource(undefined, { region: 'eu-west-1', profile, timeout })();

export function same(found: AwsCredentialIdentity, expected: AwsCredentialIdentity = GIVEN): void {
  assert.partialDeepStrictEqual(found, expected);
}

/** Passes when there are no credentials, the error matches, and nothing that was printed or thrown holds a secret. */
export async function none(t: TestContext, words: RegExp, timeout?: number): Promise<void> {
  const printed: unknown[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    t.mock.method(stream, 'write', (text: unknown) => printed.push(text) > 0);
  }
  const error: unknown = await ask(timeout).catch((reason: unknown) => reason);
  t.mock.restoreAll();
  assert.ok(error instanceof CredentialsError, inspect(error));
  assert.match(error.message, words);
  assert.doesNotMatch(inspect(error, { depth: Infinity, showHidden: true }), /-secret|-token/);
  assert.doesNotMatch(printed.join(''), /-secret|-token/);
}
