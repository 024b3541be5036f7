import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAuthorization, signatureOf } from '../../../../infra/local/sigv4.ts';

/** AWS's published test suite for Signature Version 4 (aws-sig-v4-test-suite): its key, its requests, its signatures. */
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const SCOPE = { accessKey: 'AKIDEXAMPLE', day: '20150830', region: 'us-east-1', service: 'service' };
const HEADERS = { host: 'example.amazonaws.com', 'x-amz-date': '20150830T123600Z' };
const FORM = 'application/x-www-form-urlencoded';

const suite: Record<
  string,
  { method?: string; url?: string; headers?: Record<string, string>; body?: string; signature: string }
> = {
  'get-vanilla': {
    method: 'GET',
    signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  },
  'get-relative': {
    method: 'GET',
    url: '/example/..',
    signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  },
  'get-slash': {
    method: 'GET',
    url: '//',
    signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  },
  'get-header-value-trim': {
    method: 'GET',
    headers: { 'my-header1': ' value1', 'my-header2': ' "a   b   c"' },
    signature: 'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
  },
  'get-vanilla-query-order-key-case': {
    method: 'GET',
    url: '/?Param2=value2&Param1=value1',
    signature: 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  },
  'post-vanilla': { signature: '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b' },
  'post-vanilla-query': {
    url: '/?Param1=value1',
    signature: '28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11',
  },
  'post-header-key-sort': {
    headers: { 'my-header1': 'value1' },
    signature: 'c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c',
  },
  'post-header-value-case': {
    headers: { 'my-header1': 'VALUE1' },
    signature: 'cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d',
  },
  'post-x-www-form-urlencoded': {
    headers: { 'content-type': FORM },
    body: 'Param1=value1',
    signature: 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  },
  'post-x-www-form-urlencoded-parameters': {
    headers: { 'content-type': `${FORM}; charset=utf8` },
    body: 'Param1=value1',
    signature: '1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe',
  },
};

describe("the signatures of AWS's own test suite", () => {
  for (const [name, { method = 'POST', url = '/', headers = {}, body = '', signature }] of Object.entries(suite)) {
    it(name, () => {
      const message = { method, url, headers: { ...HEADERS, ...headers }, body: Buffer.from(body) };
      const signedHeaders = Object.keys(message.headers).sort();
      assert.equal(signatureOf(message, { ...SCOPE, signedHeaders }, SECRET), signature);
    });
  }
});

describe('an authorization header', () => {
  const signature = 'a'.repeat(64);
  const text = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`;

  it('is parsed', () => {
    assert.deepEqual(parseAuthorization(text), { ...SCOPE, signedHeaders: ['host', 'x-amz-date'], signature });
  });

  it('is parsed without blanks after the commas too', () => {
    assert.ok(parseAuthorization(text.replaceAll(', ', ',')));
  });

  for (const [what, other] of [
    ['of another algorithm', text.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256')],
    ['with a short signature', text.slice(0, -1)],
    ['with a scope that ends otherwise', text.replace('aws4_request', 'aws3_request')],
    ['of another kind', 'Bearer abc'],
    ['that is empty', ''],
  ] as const) {
    it(`${what} is rejected`, () => {
      assert.equal(parseAuthorization(other), undefined);
    });
  }
});
