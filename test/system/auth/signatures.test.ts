/** A caller without a key, or one that changes a signed request, reaches nothing: AWS refuses it before the functions run. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAC } from '../../support/fleet.ts';
import { type Manner, type Plain, type Signed, callHeaders, sign } from './support/requests.ts';
import { VICTIM, errorOf, granted, held, stage, useStage } from './support/stage.ts';

const MINUTE = 60_000;

useStage();

/** A request that would free an address if it were accepted. */
const release = (): Plain => ({
  path: '/IpamDriver.ReleaseAddress',
  message: { PoolID: held.poolId, Address: held.address },
  headers: callHeaders(VICTIM),
});

const bySomebody = (manner: Partial<Manner> = {}): Signed => sign(release(), { key: stage.keys.victim, ...manner });

/** Refused before it reaches a function, and logged. */
async function refusedInFront(signed: Signed, type: string): Promise<void> {
  const { answer, lines } = await stage.attack(signed);
  assert.deepEqual([answer.status, answer.headers['x-amzn-errortype']], [403, type], answer.body);
  const [{ level, message, type: told, function: name, path } = {}, ...more] = lines;
  assert.deepEqual([level, message, told, name], ['warn', 'signature refused', type, signed.place]);
  assert.equal(path, signed.path);
  assert.deepEqual(more, []);
}

describe('a request is refused', () => {
  const MISMATCH = 'InvalidSignatureException';

  it('without a signature', async () => {
    const { authorization: _authorization, ...headers } = bySomebody().headers;
    await refusedInFront({ ...bySomebody(), headers }, 'AccessDeniedException');
  });

  it('with a malformed signature', async () => {
    const signed = bySomebody();
    const headers = { ...signed.headers, authorization: 'Bearer of good news' };
    await refusedInFront({ ...signed, headers }, 'IncompleteSignatureException');
  });

  it('signed with the wrong secret', async () => {
    await refusedInFront(bySomebody({ key: { ...stage.keys.victim, secret: 'guessed' } }), MISMATCH);
  });

  it("signed with another user's secret under this key", async () => {
    await refusedInFront(bySomebody({ key: { ...stage.keys.victim, secret: stage.keys.mallory.secret } }), MISMATCH);
  });

  it('with an unknown key', async () => {
    const key = { ...stage.keys.victim, accessKey: 'TESTUNKNOWN000000000' };
    await refusedInFront(bySomebody({ key }), 'UnrecognizedClientException');
  });

  it('with an expired session', async () => {
    await refusedInFront(bySomebody({ key: stage.keys.expired }), 'ExpiredTokenException');
  });

  for (const [what, sessionToken] of [
    ['without the token of its session', undefined],
    ['with the token of another session', 'token of mallory'],
  ] as const) {
    it(what, async () => {
      const { accessKey, secret } = stage.keys.victim;
      const key = sessionToken === undefined ? { accessKey, secret } : { accessKey, secret, sessionToken };
      await refusedInFront(bySomebody({ key }), 'UnrecognizedClientException');
    });
  }

  for (const [what, minutes] of [
    ['signed more than five minutes ago, as a replay', -5.1],
    ['signed for a time in the future', 5.1],
  ] as const) {
    it(what, async () => {
      await refusedInFront(bySomebody({ time: Date.now() + minutes * MINUTE }), MISMATCH);
    });
  }

  for (const name of ['x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token', 'host']) {
    it(`with an unsigned ${name}`, async () => {
      await refusedInFront(bySomebody({ unsigned: [name] }), MISMATCH);
    });
  }
});

describe('a request that was changed on the way is refused', () => {
  const MISMATCH = 'InvalidSignatureException';

  for (const [what, change] of [
    ['its body', { body: Buffer.from('{"PoolID":"x","Address":"10.1.0.9"}') }],
    ['its path', { path: '/IpamDriver.RequestAddress' }],
    ['an added query', { path: '/IpamDriver.ReleaseAddress?a=b' }],
  ] as const) {
    it(what, async () => {
      await refusedInFront({ ...bySomebody(), ...change }, MISMATCH);
    });
  }

  it('its body and the hash of its body', async () => {
    const signed = bySomebody();
    const other = sign(
      { ...release(), message: { PoolID: held.poolId, Address: '10.1.0.9' } },
      { key: stage.keys.user },
    );
    const headers = { ...signed.headers, 'x-amz-content-sha256': other.headers['x-amz-content-sha256'] ?? '' };
    await refusedInFront({ ...signed, headers, body: other.body }, MISMATCH);
  });

  const OTHERS = {
    'berth-host': 'i-0fedcba9876543210',
    'berth-epoch': '2',
    'berth-driver': 'berth-ipvlan',
    'berth-request': '0zzzzzzzzabcd',
    'berth-attempt': '2',
    'berth-remaining-ms': '900000',
    'content-type': 'text/plain',
  };
  for (const [name, value] of Object.entries(OTHERS)) {
    it(`its header ${name}, with another value`, async () => {
      const signed = bySomebody();
      await refusedInFront({ ...signed, headers: { ...signed.headers, [name]: value } }, MISMATCH);
    });

    it(`its header ${name}, which was removed`, async () => {
      const signed = bySomebody();
      const headers = Object.fromEntries(Object.entries(signed.headers).filter(([other]) => other !== name));
      await refusedInFront({ ...signed, headers }, MISMATCH);
    });
  }
});

describe("a header of Berth's that AWS lets through unsigned", () => {
  async function refusedInside(signed: Signed, name: string): Promise<void> {
    const { answer, lines } = await stage.attack(signed);
    assert.deepEqual([answer.status, answer.headers['berth-refusal']], [200, 'unsigned-header']);
    assert.match(errorOf(answer), new RegExp(`^the header ${name} is not signed`));
    const [{ level, code, host, method } = {}] = lines;
    assert.deepEqual(
      [level, code, host, method],
      ['warn', 'unsigned-header', signed.headers['berth-host'], signed.path],
    );
  }

  for (const name of Object.keys(callHeaders(VICTIM))) {
    it(`is refused: ${name}`, async () => {
      await refusedInside(bySomebody({ unsigned: [name] }), name);
    });
  }

  it('is refused when it was added on the way', async () => {
    const asked: Plain = {
      path: '/IpamDriver.RequestPool',
      message: { AddressSpace: 'default', Pool: '' },
      headers: callHeaders(VICTIM),
    };
    const signed = sign(asked, { key: stage.keys.victim });
    const headers = { ...signed.headers, 'berth-routes': '0.0.0.0/0' };
    await refusedInside({ ...signed, headers }, 'berth-routes');
    granted(await stage.send(signed));
  });

  it("is ignored when it is not one of Berth's", async () => {
    const signed = sign(
      {
        path: '/IpamDriver.RequestAddress',
        message: { PoolID: held.poolId, Options: MAC },
        headers: callHeaders(VICTIM),
      },
      { key: stage.keys.victim },
    );
    granted(await stage.send({ ...signed, headers: { ...signed.headers, 'x-forwarded-for': '203.0.113.7' } }));
  });
});
