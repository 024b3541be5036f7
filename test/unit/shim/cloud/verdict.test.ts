import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, TransportError } from '../../../../shim/cloud/transport.ts';
import { type Failed, type Question, judgeAnswer, judgeError } from '../../../../shim/cloud/verdict.ts';
import { parseEndpoint } from '../../../../shim/endpoint.ts';

const ENDPOINT = parseEndpoint('https://abc.lambda-url.eu-west-1.on.aws');
const answer = (status: number, body: string, headers: Answer['headers'] = {}): Answer => ({ status, body, headers });

describe('an answer of a function', () => {
  const grants: readonly [Question, string, string | undefined][] = [
    ['RequestPool', '{"PoolID":"p1","Pool":"10.0.0.0/24","Data":{"a":"b"}}', 'p1'],
    ['RequestAddress', '{"Address":"10.0.0.2/24","Data":null}', '10.0.0.2'],
    ['RequestAddress', '{"Address":"fd00::1/64"}', 'fd00::1'],
    ['RequestAddress', '{"Address":"10.0.0.2/24","Error":""}', '10.0.0.2'],
    ['ReleaseAddress', '{}', undefined],
    ['ReleasePool', '{}', undefined],
    ['Settle', '{}', undefined],
    ['own', '{"Epoch":1}', undefined],
  ];
  for (const [question, text, granted] of grants) {
    it(`to ${question} is passed on unchanged: ${text}`, () => {
      const verdict = judgeAnswer(question, ENDPOINT, answer(200, text));
      assert.deepEqual(verdict, { kind: 'answered', text, refusal: undefined, granted });
    });
  }

  it('that refuses is an answer', () => {
    const text = '{"Error":"no available addresses on this pool"}';
    const refusal = 'no available addresses on this pool';
    for (const question of ['RequestPool', 'ReleaseAddress', 'own'] as const) {
      const verdict = judgeAnswer(question, ENDPOINT, answer(200, text, { 'berth-refusal': 'no-address-left' }));
      const code = 'no-address-left';
      assert.deepEqual(verdict, { kind: 'answered', text, refusal, code, granted: undefined });
    }
  });

  const again = [
    ['busy', 'repeat'],
    ['host-fenced', 'register'],
    // A release must not be given up only because the functions are older than what it names.
    ['newer-format', 'none'],
  ] as const;
  for (const [code, remedy] of again) {
    it(`that refuses only temporarily does not end the call (${code})`, () => {
      const verdict = judgeAnswer('RequestPool', ENDPOINT, answer(200, '{"Error":"no"}', { 'berth-refusal': code }));
      assert.deepEqual(verdict, { kind: 'failed', reason: 'no', isOpen: false, remedy });
    });
  }
});

describe('an answer of a newer function', () => {
  const OURS = { 'content-type': 'application/vnd.docker.plugins.v1.2+json' };

  for (const question of ['ReleaseAddress', 'ReleasePool', 'Settle'] as const) {
    it(`to ${question} may hold fields that this host does not know, if it is marked as Berth's`, () => {
      const text = '{"Later":{"some":"thing"}}';
      const verdict = judgeAnswer(question, ENDPOINT, answer(200, text, OURS));
      assert.deepEqual(verdict, { kind: 'answered', text, refusal: undefined, granted: undefined });
      const stranger = judgeAnswer(question, ENDPOINT, answer(200, text, { 'content-type': 'application/json' }));
      assert.equal(stranger.kind, 'failed');
    });
  }

  it('is not a grant because of its mark alone', () => {
    for (const question of ['RequestPool', 'RequestAddress'] as const) {
      assert.equal(judgeAnswer(question, ENDPOINT, answer(200, '{"Later":1}', OURS)).kind, 'failed');
    }
  });
});

describe('an unexpected response', () => {
  const PAGE = '<html>sorry</html>';
  const strange: readonly [string, Question, Answer, Failed['isOpen'], Failed['remedy']][] = [
    ['a grant without a pool', 'RequestPool', answer(200, '{"PoolID":"p1"}'), true, 'repeat'],
    ['a grant without a handle', 'RequestPool', answer(200, '{"PoolID":"","Pool":"10.0.0.0/24"}'), true, 'repeat'],
    ['an address without a length', 'RequestAddress', answer(200, '{"Address":"10.0.0.2"}'), true, 'repeat'],
    ['a name instead of an address', 'RequestAddress', answer(200, '{"Address":"web/24"}'), true, 'repeat'],
    ['an answer to another request', 'ReleasePool', answer(200, '{"PoolID":"p1"}'), true, 'repeat'],
    ['nothing', 'ReleasePool', answer(200, ''), true, 'repeat'],
    ['a list', 'own', answer(200, '[]'), true, 'repeat'],
    ['null', 'own', answer(200, 'null'), true, 'repeat'],
    ['an error that is not a string', 'own', answer(200, '{"Error":7}'), true, 'repeat'],
    ['a page', 'RequestPool', answer(200, PAGE), true, 'repeat'],
    ['an HTML page with status 200', 'RequestPool', answer(200, 'hi', { 'content-type': 'text/html' }), true, 'repeat'],
    ['a redirect', 'RequestPool', answer(302, ''), false, 'repeat'],
    ['an HTML page that forbids', 'RequestPool', answer(403, PAGE), false, 'repeat'],
    ['a plain text that forbids', 'RequestPool', answer(403, 'no'), false, 'renew'],
    ['a page of a gateway that timed out', 'RequestPool', answer(504, PAGE), true, 'repeat'],
    ['a page of a gateway that was cut off', 'RequestPool', answer(502, PAGE), true, 'repeat'],
    ['a plain text of such a gateway', 'RequestPool', answer(502, 'bad gateway'), true, 'repeat'],
    ['a fault of the function', 'RequestPool', answer(500, '{"Error":"failed"}'), true, 'repeat'],
    ['a fault that AWS reports', 'RequestPool', answer(502, '{"Message":"Internal"}'), true, 'repeat'],
    ['throttling', 'RequestPool', answer(429, '{"Reason":"x"}'), false, 'repeat'],
    ['a signature refused', 'RequestPool', answer(403, '{"Message":"Forbidden"}'), false, 'renew'],
    ['an unknown path', 'RequestPool', answer(404, '{"Err":"no such method"}'), false, 'renew'],
    ['a request that AWS rejects', 'RequestPool', answer(413, '{"Message":"large"}'), false, 'none'],
  ];
  for (const [what, question, given, isOpen, remedy] of strange) {
    it(`${what} leaves the call ${isOpen ? 'open' : 'undone'}, and ${remedy} may help`, () => {
      const verdict = judgeAnswer(question, ENDPOINT, given);
      assert.partialDeepStrictEqual(verdict, { kind: 'failed', isOpen, remedy });
    });
  }

  it('is quoted shortened, on one line', () => {
    const verdict = judgeAnswer('RequestPool', ENDPOINT, answer(500, `a\r\n\u001b[31m\tb${'c'.repeat(1_000)}`));
    const reason = verdict.kind === 'failed' ? verdict.reason : assert.fail();
    assert.match(reason, /^Berth's functions at https:\/\/abc\.\S+ answered HTTP 500: a \[31m bc{192}$/);
  });

  it('that refuses a signature carries the clock of the server that refused it', () => {
    const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
    assert.partialDeepStrictEqual(judgeAnswer('own', ENDPOINT, answer(403, '{}', { date })), { date });
  });
});

describe('an exchange without an answer', () => {
  const remedies: readonly [string, RegExp][] = [
    ['ENOTFOUND', /check this host's DNS/],
    ['EAI_AGAIN', /check this host's DNS/],
    ['ECONNREFUSED', /check that Berth is running/],
    ['ENOENT', /check that Berth is running/],
    ['ENETUNREACH', /network and routes/],
    ['EACCES', /only the owner of the socket may open it/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /NODE_EXTRA_CA_CERTS/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /NODE_EXTRA_CA_CERTS/],
    ['CERT_HAS_EXPIRED', /NODE_EXTRA_CA_CERTS/],
  ];
  for (const [code, words] of remedies) {
    it(`names the remedy for ${code}`, () => {
      const { reason, isOpen, remedy } = judgeError(ENDPOINT, new TransportError('it broke', code, false));
      assert.match(reason, /^Berth's functions cannot be reached at https:\/\/abc\.\S+: it broke; /);
      assert.match(reason, words);
      assert.deepEqual([isOpen, remedy], [false, code === 'ENOTFOUND' ? 'renew' : 'repeat']);
    });
  }

  it('leaves the call open if it was sent', () => {
    for (const code of ['ECONNRESET', 'TIMEOUT', 'TOO_LARGE']) {
      for (const isSent of [true, false]) {
        assert.equal(judgeError(ENDPOINT, new TransportError('it broke', code, isSent)).isOpen, isSent);
      }
    }
  });

  it('that lacks credentials was not sent, and they may be renewed', () => {
    const { reason, isOpen, remedy } = judgeError(ENDPOINT, new Error('no AWS credentials'));
    assert.match(reason, /^Berth's functions cannot be called at https:\/\/abc\.\S+: no AWS credentials$/);
    assert.deepEqual([isOpen, remedy], [false, 'renew']);
  });
});
