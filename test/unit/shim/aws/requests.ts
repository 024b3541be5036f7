/** A request as the shim sends it, and the principals that may sign it. */
import assert from 'node:assert/strict';
import type { AwsCredentialIdentity } from '@smithy/types';
import type { Key } from '../../../../infra/local/keyring.ts';
import { Clock } from '../../../../shim/aws/clock.ts';
import { CredentialCache } from '../../../../shim/aws/credential-cache.ts';
import { type Signer, type Unsigned, createSigner } from '../../../../shim/aws/signer.ts';
import { type PostAnswer, type TestFunction, post } from '../../../support/local-function.ts';

export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
export const MINUTE = 60_000;

export const REQUEST: Unsigned = {
  hostname: 'localhost',
  port: 80,
  path: '/IpamDriver.RequestAddress',
  headers: { 'content-type': 'application/json', 'berth-host': 'a', 'Berth-Routes': '10.0.0.0/8,  10.1.0.0/16' },
  body: Buffer.from('{"PoolID":"é"}'),
};

export const ROLE = 'arn:aws:sts::111122223333:assumed-role/fleet/i-0123456789';
export const guest = (changes: Partial<Key> = {}): Key => ({
  accessKey: 'ASIAEXAMPLEEXAMPLE00',
  secret: 'guest-secret',
  sessionToken: 'guest/token==',
  userArn: ROLE,
  ...changes,
});

export function signerWith({ accessKey, secret, sessionToken }: Key, now: () => number): Signer {
  const identity: AwsCredentialIdentity = {
    accessKeyId: accessKey,
    secretAccessKey: secret,
    ...(sessionToken !== undefined && { sessionToken }),
  };
  const clock = new Clock(now);
  const credentials = new CredentialCache(() => Promise.resolve(identity), now);
  return createSigner({ scope: { service: 'lambda', region: 'local' }, credentials, clock, source: 'the test' });
}

export async function send(
  { endpoint }: TestFunction,
  signer: Signer,
  changes: Partial<Unsigned> = {},
): Promise<PostAnswer> {
  return post(endpoint, { path: REQUEST.path, body: REQUEST.body, headers: await signer.sign(REQUEST), ...changes });
}

export function refused({ status, body, headers }: PostAnswer, words: RegExp): void {
  assert.equal(status, 403);
  assert.match(body, words);
  assert.ok(headers.date);
}
