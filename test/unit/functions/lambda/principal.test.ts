import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Method, handle, parsePrincipal } from '../../../../functions/lambda/handler.ts';
import { PRINCIPAL, answerOf, contextWith, eventOf } from './event.ts';

const PATH = '/Berth.Echo';

describe('the principal of a request', () => {
  const method: Method = (request) => ({ Principal: parsePrincipal(request) });

  it('is the one that Lambda verified', async () => {
    assert.deepEqual(answerOf(await handle({ [PATH]: method })(eventOf(PATH), contextWith(10_000))).body, {
      Principal: PRINCIPAL,
    });
  });

  it('is missing where Lambda has not checked the signature', () => {
    assert.throws(() => parsePrincipal({ headers: {}, body: '', principal: undefined, deadline: 0 }), {
      name: 'Refusal',
      code: 'invalid-request',
      message: 'the request is not signed; sign it with AWS credentials',
    });
  });
});
