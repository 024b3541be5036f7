import assert from 'node:assert/strict';
import { type TestContext, describe, it } from 'node:test';
import { CredentialsError } from '../../../../shim/aws/credentials-error.ts';
import { signers } from '../../../../shim/aws/signer.ts';
import { parseEndpoint } from '../../../../shim/endpoint.ts';
import { GIVEN, HOUR, ask, none, same } from './asking.ts';
import { containerCredentials, environment, instanceMetadata, metadataOf, standIn, writeConfig } from './stand-ins.ts';

describe('credentials from the environment', () => {
  it('come from its variables', async (t) => {
    await environment(t, {
      AWS_ACCESS_KEY_ID: 'AKIA',
      AWS_SECRET_ACCESS_KEY: 'a-secret',
      AWS_SESSION_TOKEN: 'a-token',
    });
    same(await ask(), {
      accessKeyId: 'AKIA',
      secretAccessKey: 'a-secret',
      sessionToken: 'a-token',
    });
  });

  it('come from a profile, as it is at the time of the request', async (t) => {
    const home = await environment(t, { AWS_PROFILE: 'ci' });
    const profile = (key: string) => `[profile ci]\naws_access_key_id = ${key}\naws_secret_access_key = a-secret\n`;
    await writeConfig(home, profile('AKIA1'));
    assert.equal((await ask()).accessKeyId, 'AKIA1');
    await writeConfig(home, profile('AKIA2'));
    assert.equal((await ask()).accessKeyId, 'AKIA2');
  });

  it("come from the context's profile, unless AWS_PROFILE names another", async (t) => {
    const home = await environment(t, { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'a-secret' });
    const profile = (name: string) =>
      `[profile ${name}]\naws_access_key_id = ${name}\naws_secret_access_key = a-secret\n`;
    await writeConfig(home, profile('OPS') + profile('CI'));
    assert.equal((await ask(undefined, 'OPS')).accessKeyId, 'OPS');
    process.env['AWS_PROFILE'] = 'CI';
    assert.equal((await ask(undefined, 'OPS')).accessKeyId, 'CI');
    process.env['AWS_PROFILE'] = '';
    await assert.rejects(ask(undefined, 'typo'), /the profile typo provides none/);
  });

  it('that are missing are reported with the remedies', async (t) => {
    await environment(t, {});
    await none(t, /^no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and .*, or give the instance a role$/);
  });

  it('that a profile lacks are reported with its name', async (t) => {
    await environment(t, { AWS_PROFILE: 'typo' });
    await none(t, /the profile typo provides none; check ~\/\.aws\/config/);
  });

  it('from a program that fails are reported without its arguments', async (t) => {
    const home = await environment(t, { AWS_PROFILE: 'ci' });
    await writeConfig(home, '[profile ci]\ncredential_process = false --password my-secret\n');
    await none(t, /the profile ci provides none/);
  });

  it('that need an MFA code are reported as such', async (t) => {
    const home = await environment(t, { AWS_PROFILE: 'ci' });
    await writeConfig(
      home,
      '[profile ci]\nrole_arn = arn:aws:iam::111122223333:role/fleet\nsource_profile = base\nmfa_serial = m\n' +
        '[profile base]\naws_access_key_id = AKIA\naws_secret_access_key = base-secret\n',
    );
    await none(t, /MFA code/);
  });
});

describe('credentials of an instance', () => {
  const onInstance = (t: TestContext, url: string) =>
    environment(t, { AWS_EC2_METADATA_DISABLED: 'false', AWS_EC2_METADATA_SERVICE_ENDPOINT: url });

  it('are those of its role, requested with a token', async (t) => {
    const service = await instanceMetadata(t, () => metadataOf(GIVEN));
    await onInstance(t, service.url);
    same(await ask());
    assert.equal(service.requests[0], 'PUT /latest/api/token');
  });

  it('are never requested without a token, and only once when the metadata service does not answer', async (t) => {
    const service = await standIn(t, () => undefined);
    await onInstance(t, service.url);
    await none(t, /give the instance a role/);
    assert.deepEqual(service.requests, ['PUT /latest/api/token']);
  });

  for (const [what, answer] of [
    ['are reported as missing where the instance has no role', { status: 404, body: '' }],
    ['are not quoted when they cannot be parsed', { status: 200, body: 'x"my-secret"' }],
  ] as const) {
    it(what, async (t) => {
      const service = await instanceMetadata(t, () => answer);
      await onInstance(t, service.url);
      await none(t, /give the instance a role/);
    });
  }

  it('are renewed before they expire, and used while the service is down, but not after they expire', async (t) => {
    const state = { now: Date.now(), isDown: false, given: 0 };
    const service = await instanceMetadata(t, () => {
      if (state.isDown) return { status: 500, body: '' };
      return metadataOf({ ...GIVEN, accessKeyId: `ASIA${++state.given}`, expiration: new Date(state.now + HOUR) });
    });
    await onInstance(t, service.url);
    const signer = signers('eu-west-1', { now: () => state.now })(
      parseEndpoint('https://a.lambda-url.eu-west-1.on.aws'),
    );
    const signedWith = async () => {
      const headers = await signer.sign({ hostname: 'a', port: 443, path: '/', headers: {}, body: Buffer.alloc(0) });
      return /Credential=(\w+)/.exec(headers['authorization'] ?? '')?.[1];
    };
    const turn = () => new Promise((resolve) => setImmediate(resolve));

    assert.equal(await signedWith(), 'ASIA1');
    state.now += HOUR - 60_000;
    assert.equal(await signedWith(), 'ASIA1');
    while ((await signedWith()) === 'ASIA1') await turn();
    state.isDown = true;
    state.now += HOUR - 60_000;
    const before = service.requests.length;
    assert.equal(await signedWith(), 'ASIA2');
    while (service.requests.length < before + 3) await turn();
    assert.equal(await signedWith(), 'ASIA2');
    state.now += 60_000;
    await assert.rejects(signedWith(), CredentialsError);
    state.isDown = false;
    assert.equal(await signedWith(), 'ASIA3');
  });
});

describe('credentials of a container', () => {
  /** Its endpoint has them for one token. */
  async function inContainer(t: TestContext, token: string): Promise<void> {
    const service = await containerCredentials(t, 'container-token', () => metadataOf(GIVEN));
    const uri = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${service.url}/v2/credentials` };
    await environment(t, { ...uri, AWS_CONTAINER_AUTHORIZATION_TOKEN: token });
  }

  it('are those that its endpoint returns for its token', async (t) => {
    await inContainer(t, 'container-token');
    same(await ask());
  });

  it('are reported as missing where its endpoint returns none', async (t) => {
    await inContainer(t, 'wrong-token');
    await none(t, /the container's endpoint/);
  });
});
