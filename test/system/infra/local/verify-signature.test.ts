import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Message, sha256, signatureOf } from '../../../../infra/local/sigv4.ts';
import { type VerifierSettings, signatureVerifier } from '../../../../infra/local/verify-signature.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const MINUTE = 60_000;
const KEY = { accessKey: 'AKIAEXAMPLE', secret: 'secret', userArn: 'arn:aws:iam::000000000000:user/local' };
const GUEST = {
  ...KEY,
  accessKey: 'ASIAEXAMPLE',
  sessionToken: 'token',
  expires: NOW + MINUTE,
};
const keyring = { local: KEY, find: (accessKey: string) => [KEY, GUEST].find((key) => key.accessKey === accessKey) };

const stamp = (time: number): string => new Date(time).toISOString().replace(/[-:]|\.\d+/g, '');

interface Signing {
  readonly key?: { readonly accessKey: string; readonly secret: string };
  readonly service?: string;
  readonly region?: string;
  readonly day?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly unsigned?: Readonly<Record<string, string>>;
  readonly leaveOut?: string;
}

/** A request as a client signs it. */
function signed({ key = KEY, headers = {}, unsigned = {}, leaveOut, ...scope }: Signing = {}): Message {
  const all = { host: 'localhost', 'x-amz-date': stamp(NOW), 'x-amz-content-sha256': sha256('{}'), ...headers };
  const message = { method: 'POST', url: '/IpamDriver.RequestPool', headers: all, body: Buffer.from('{}') };
  const { day = all['x-amz-date'].slice(0, 8), region = 'local', service = 'lambda' } = scope;
  const signedHeaders = Object.keys(all)
    .filter((name) => name !== leaveOut)
    .sort();
  const signature = signatureOf(message, { accessKey: key.accessKey, day, region, service, signedHeaders }, key.secret);
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${key.accessKey}/${day}/${region}/${service}/aws4_request, ` +
    `SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`;
  return { ...message, headers: { ...all, ...unsigned, authorization } };
}

const judge = (message: Message, settings: Partial<VerifierSettings> = {}) =>
  signatureVerifier(keyring, { enforcement: 'require', now: () => NOW, ...settings })(message);

/** Asserts that the request is refused with this message at the given time. */
function refused(message: Message, type: string, body: RegExp, settings: Partial<VerifierSettings> = {}): void {
  const verdict = judge(message, settings);
  assert.ok('refusal' in verdict, 'the request was accepted');
  assert.equal(verdict.refusal.type, type);
  assert.match(JSON.stringify(verdict.refusal.body), body);
  assert.equal(Date.parse(verdict.refusal.date), NOW);
}

const unsigned = { method: 'POST', url: '/', headers: {}, body: Buffer.alloc(0) };
const MISMATCH = /^{"message":"The request signature we calculated does not match the signature you provided\. /;

describe('a signed request', () => {
  it('is accepted as the principal of its key', () => {
    assert.deepEqual(judge(signed()), { key: KEY });
  });

  it('is accepted with temporary credentials', () => {
    assert.deepEqual(judge(signed({ key: GUEST, headers: { 'x-amz-security-token': 'token' } })), { key: GUEST });
  });

  it('may carry headers that are not signed, unless AWS acts on them', () => {
    assert.ok('key' in judge(signed({ unsigned: { 'user-agent': 'test' } })));
  });

  for (const minutes of [-4.9, 4.9]) {
    it(`is accepted ${minutes} minutes from now`, () => {
      assert.ok('key' in judge(signed({ headers: { 'x-amz-date': stamp(NOW + minutes * MINUTE) } })));
    });
  }

  for (const enforcement of ['require', 'accept-unsigned'] as const) {
    const settings = { enforcement };

    it(`is refused with the wrong secret (${enforcement})`, () => {
      refused(signed({ key: { ...KEY, secret: 'Secret' } }), 'InvalidSignatureException', MISMATCH, settings);
    });
  }

  for (const [what, change] of [
    ['path', { url: '/IpamDriver.ReleasePool' }],
    ['query', { url: '/IpamDriver.RequestPool?a=b' }],
    ['method', { method: 'PUT' }],
    ['body', { body: Buffer.from('{"a":1}') }],
  ] as const) {
    it(`is refused when its ${what} was changed on the way`, () => {
      refused({ ...signed(), ...change }, 'InvalidSignatureException', MISMATCH);
    });
  }

  it('is refused when a header was changed on the way', () => {
    const message = signed({ headers: { 'berth-host': 'a' } });
    const changed = { ...message, headers: { ...message.headers, 'berth-host': 'b' } };
    refused(changed, 'InvalidSignatureException', MISMATCH);
  });

  it('is refused when it declares its body unsigned', () => {
    refused(signed({ headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }), 'InvalidSignatureException', MISMATCH);
  });
});

describe('headers that AWS acts on must be signed', () => {
  for (const [name, message] of [
    ['host', signed({ leaveOut: 'host' })],
    ['x-amz-date', signed({ leaveOut: 'x-amz-date' })],
    ['x-amz-content-sha256', signed({ leaveOut: 'x-amz-content-sha256' })],
    ['x-amz-security-token', signed({ key: GUEST, unsigned: { 'x-amz-security-token': 'token' } })],
  ] as const) {
    it(name, () => {
      refused(message, 'InvalidSignatureException', new RegExp(`'${name}' must be a 'SignedHeader'`));
    });
  }
});

describe('the scope of a signature', () => {
  it('must name the service', () => {
    refused(signed({ service: 'execute-api' }), 'InvalidSignatureException', /correct service: 'lambda'/);
  });

  it('may name any region on a machine, which does not have one', () => {
    assert.ok('key' in judge(signed({ region: 'eu-west-1' })));
  });

  it('must name the region if there is one', () => {
    const settings = { region: 'eu-west-1' };
    assert.ok('key' in judge(signed({ region: 'eu-west-1' }), settings));
    refused(signed({ region: 'eu-west-2' }), 'InvalidSignatureException', /valid region/, settings);
  });

  it('must name the day of the request', () => {
    refused(signed({ day: '20260101' }), 'InvalidSignatureException', /Date in Credential scope does not match/);
  });
});

describe('the time of a signature', () => {
  for (const [what, time, words] of [
    [
      'far in the past',
      NOW - 6 * MINUTE,
      /"Signature expired: 20260102T025805Z is now earlier than 20260102T025905Z \(2026/,
    ],
    [
      'in the future',
      NOW + 6 * MINUTE,
      /"Signature not yet current: 20260102T031005Z is still later than 20260102T030905Z/,
    ],
  ] as const) {
    it(`must not be ${what}`, () => {
      refused(signed({ headers: { 'x-amz-date': stamp(time) } }), 'InvalidSignatureException', words);
    });
  }

  it('must be a valid time', () => {
    const headers = { 'x-amz-date': '20260102T996655Z' };
    refused(signed({ headers }), 'InvalidSignatureException', /basic format/);
  });
});

describe('a security token', () => {
  const withToken = (token: string) => signed({ key: GUEST, headers: { 'x-amz-security-token': token } });

  it('that has expired is refused as expired', () => {
    const settings = { now: () => GUEST.expires };
    const verdict = judge(withToken('token'), settings);
    assert.ok('refusal' in verdict);
    assert.equal(verdict.refusal.type, 'ExpiredTokenException');
    assert.deepEqual(verdict.refusal.body, { message: 'The security token included in the request is expired' });
  });

  for (const [what, message] of [
    ['of another session', withToken('Token')],
    ['that is missing', signed({ key: GUEST })],
    ['for a key without one', signed({ headers: { 'x-amz-security-token': 'token' } })],
    ['of an unknown key', signed({ key: { accessKey: 'AKIAOTHER', secret: 'secret' } })],
  ] as const) {
    it(`${what} is invalid`, () => {
      const words = /^{"message":"The security token included in the request is invalid\."}$/;
      refused(message, 'UnrecognizedClientException', words);
    });
  }
});

describe('a request without a signature', () => {
  it('is forbidden', () => {
    refused(unsigned, 'AccessDeniedException', /^{"Message":"Forbidden"}$/);
  });

  it('counts as the local principal where that is set', () => {
    assert.deepEqual(judge(unsigned, { enforcement: 'accept-unsigned' }), { key: KEY });
  });

  it('is not the same as one with a malformed signature', () => {
    const message = { ...unsigned, headers: { authorization: 'AWS4-HMAC-SHA256 nonsense' } };
    refused(message, 'IncompleteSignatureException', /malformed/, { enforcement: 'accept-unsigned' });
  });
});
