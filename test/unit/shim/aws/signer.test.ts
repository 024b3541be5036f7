import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAuthorization } from '../../../../infra/local/sigv4.ts';
import { type Unsigned, signers } from '../../../../shim/aws/signer.ts';
import { localFunction, post } from '../../../support/local-function.ts';
import { MINUTE, NOW, REQUEST, ROLE, guest, refused, send, signerWith } from './requests.ts';

const MISMATCH = /The request signature we calculated does not match the signature you provided\./;

describe('the signed part of a request', () => {
  const key = { ...guest(), sessionToken: undefined };
  const sign = (changes: Partial<Unsigned> = {}) => signerWith(key, () => NOW).sign({ ...REQUEST, ...changes });
  const signedHeaders = (headers: Record<string, string>) =>
    parseAuthorization(headers['authorization'] ?? '')?.signedHeaders.join(' ');

  it('includes all of our headers, in lower case', async () => {
    const headers = await sign();
    const names = 'berth-host berth-routes content-type host x-amz-content-sha256 x-amz-date';
    assert.equal(signedHeaders(headers), names);
    assert.deepEqual(Object.keys(headers).sort(), ['authorization', ...names.split(' ')]);
    assert.equal(headers['x-amz-date'], '20260102T030405Z');
  });

  it('includes the security token', async () => {
    const headers = await signerWith(guest(), () => NOW).sign(REQUEST);
    assert.equal(headers['x-amz-security-token'], 'guest/token==');
    assert.match(signedHeaders(headers) ?? '', /x-amz-security-token/);
  });

  for (const name of ['Authorization', 'Date', 'Host', 'X-Amz-Content-Sha256', 'X-Amz-Date', 'X-Amz-Security-Token']) {
    it(`never includes the caller's ${name}`, async () => {
      assert.deepEqual(await sign({ headers: { ...REQUEST.headers, [name]: 'forged' } }), await sign());
    });
  }

  for (const [hostname, port, host] of [
    ['abc.lambda-url.eu-west-1.on.aws', 443, 'abc.lambda-url.eu-west-1.on.aws'],
    ['berth.example.com', undefined, 'berth.example.com'],
    ['berth.example.com', 8443, 'berth.example.com:8443'],
    ['::1', 8000, '[::1]:8000'],
  ] as const) {
    it(`includes the host as ${host}`, async () => {
      assert.equal((await sign({ hostname, port }))['host'], host);
    });
  }

  it('must be a path without a query', async () => {
    await assert.rejects(sign({ path: '/a?b=c' }), /must not have a query/);
  });
});

describe('a signed request', () => {
  it('reaches a local function', async (t) => {
    const target = await localFunction(t);
    const answer = await send(target, signers(undefined)(target.endpoint));
    assert.equal(answer.status, 200);
    const [event] = target.events;
    assert.equal(event?.requestContext.authorizer.iam.userArn, 'arn:aws:iam::000000000000:user/local');
    assert.equal(event.body, REQUEST.body.toString());
    assert.equal(event.headers['berth-host'], 'a');
  });

  it('reaches the function with its principal', async (t) => {
    const target = await localFunction(t);
    await target.addKeys(guest());
    assert.equal((await send(target, signerWith(guest(), Date.now))).status, 200);
    const iam = target.events[0]?.requestContext.authorizer.iam;
    assert.equal(iam?.userArn, ROLE);
    assert.equal(iam.accountId, '111122223333');
    assert.equal(iam.userId, 'fleet:i-0123456789');
    assert.equal(iam.accessKey, guest().accessKey);
  });

  it('reaches the function without a body as well', async (t) => {
    const target = await localFunction(t);
    const headers = await signers(undefined)(target.endpoint).sign({ ...REQUEST, body: Buffer.alloc(0) });
    assert.equal((await post(target.endpoint, { path: REQUEST.path, headers, body: Buffer.alloc(0) })).status, 200);
  });

  for (const [what, changes] of [
    ['path', { path: '/IpamDriver.ReleaseAddress' }],
    ['body', { body: Buffer.from('{"PoolID":"e"}') }],
  ] as const) {
    it(`is refused when its ${what} was changed in transit`, async (t) => {
      const target = await localFunction(t);
      refused(await send(target, signers(undefined)(target.endpoint), changes), MISMATCH);
      assert.deepEqual(target.events, []);
    });
  }

  for (const [what, forged] of [
    ['changed', 'b'],
    ['repeated', ['a', 'b']],
  ] as const) {
    it(`is refused when a header was ${what} in transit`, async (t) => {
      const target = await localFunction(t);
      const signed = await signers(undefined)(target.endpoint).sign(REQUEST);
      const headers = { ...signed, 'berth-host': typeof forged === 'string' ? forged : [...forged] };
      refused(await post(target.endpoint, { path: REQUEST.path, headers, body: REQUEST.body }), MISMATCH);
    });
  }

  it('is refused with the wrong secret', async (t) => {
    const target = await localFunction(t);
    await target.addKeys(guest());
    refused(await send(target, signerWith(guest({ secret: 'other' }), Date.now)), MISMATCH);
  });

  it('is refused with a token that has expired', async (t) => {
    const target = await localFunction(t);
    await target.addKeys(guest({ expires: Date.now() - MINUTE }));
    refused(
      await send(target, signerWith(guest(), Date.now)),
      /^{"message":"The security token included in the request is expired"}$/,
    );
  });

  it('is required: an unsigned request is forbidden', async (t) => {
    const target = await localFunction(t);
    refused(await post(target.endpoint, { path: '/', headers: {}, body: REQUEST.body }), /^{"Message":"Forbidden"}$/);
  });
});
