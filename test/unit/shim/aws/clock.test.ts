import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Signer, signers } from '../../../../shim/aws/signer.ts';
import { parseEndpoint } from '../../../../shim/endpoint.ts';
import { localFunction } from '../../../support/local-function.ts';
import { MINUTE, NOW, REQUEST, guest, refused, send, signerWith } from './requests.ts';

describe("a host's clock", () => {
  for (const [what, skew, words] of [
    ['an hour slow', -60 * MINUTE, /"Signature expired: /],
    ['an hour fast', 60 * MINUTE, /"Signature not yet current: /],
  ] as const) {
    it(`that is ${what} is corrected once a signature is refused for it`, async (t) => {
      const target = await localFunction(t, { now: () => NOW });
      const signer = signers(undefined, { now: () => NOW + skew })(target.endpoint);
      const answer = await send(target, signer);
      refused(answer, words);
      assert.equal(signer.learnClock(answer.headers.date), true);
      assert.equal((await send(target, signer)).status, 200);
    });
  }

  it('is corrected for all endpoints at once', async (t) => {
    const target = await localFunction(t, { now: () => NOW });
    const signerOf = signers('eu-west-1', { now: () => NOW + 60 * MINUTE });
    signerOf(parseEndpoint('https://abc.lambda-url.eu-west-1.on.aws')).learnClock(new Date(NOW).toUTCString());
    assert.equal((await send(target, signerOf(target.endpoint))).status, 200);
  });

  const dateOf = (signer: Signer) => signer.sign(REQUEST).then((headers) => headers['x-amz-date']);

  for (const minutes of [-4, 4]) {
    it(`is left alone when it is off by ${minutes} minutes, which AWS allows`, async () => {
      const signer = signerWith(guest(), () => NOW);
      assert.equal(signer.learnClock(new Date(NOW + minutes * MINUTE).toUTCString()), false);
      assert.equal(await dateOf(signer), '20260102T030405Z');
    });
  }

  it('is corrected when it is off by almost as much as AWS allows, since a Date header is rounded and delayed', () => {
    assert.equal(signerWith(guest(), () => NOW).learnClock(new Date(NOW + 4.9 * MINUTE).toUTCString()), true);
  });

  it('stays correct after its correction, also when the system clock is fixed later', async () => {
    let own = NOW - 60 * MINUTE;
    const signer = signerWith(guest(), () => own);
    assert.equal(signer.learnClock(new Date(NOW).toUTCString()), true);
    assert.equal(signer.learnClock(new Date(NOW).toUTCString()), false);
    own = NOW;
    assert.equal(await dateOf(signer), '20260102T040405Z');
    assert.equal(signer.learnClock(new Date(NOW).toUTCString()), true);
    assert.equal(await dateOf(signer), '20260102T030405Z');
  });

  for (const date of [undefined, '', 'yesterday']) {
    it(`is left alone for the Date header ${String(date)}`, () => {
      assert.equal(signerWith(guest(), () => NOW).learnClock(date), false);
    });
  }
});
