import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import { GIVEN, HOUR, ask, none, same } from './asking.ts';
import { environment, logInToSso, ssoPortal, standIn, tokenService, writeConfig } from './stand-ins.ts';

describe('credentials of an SSO session', () => {
  const PROFILE =
    '[profile dev]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = fleet\n' +
    '[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example.com/start\n';

  async function loggedIn(t: TestContext, token: string, until: Date) {
    const portal = await ssoPortal(t, 'sso-token', GIVEN);
    const home = await environment(t, { AWS_PROFILE: 'dev', AWS_ENDPOINT_URL_SSO: portal.url });
    await writeConfig(home, PROFILE);
    await logInToSso(home, 'corp', token, until);
    return portal;
  }

  it('are those that the portal returns', async (t) => {
    const portal = await loggedIn(t, 'sso-token', new Date(Date.now() + HOUR));
    same(await ask());
    assert.deepEqual(portal.requests, ['GET /federation/credentials?account_id=111122223333&role_name=fleet']);
  });

  it('that the portal no longer returns are reported with the remedy', async (t) => {
    await loggedIn(t, 'old-token', new Date(Date.now() + HOUR));
    await none(t, /the SSO session has expired; run aws sso login --profile dev$/);
  });

  it('after the session has expired are reported with the remedy', async (t) => {
    await loggedIn(t, 'sso-token', new Date(Date.now() - HOUR));
    await none(t, /the SSO session has expired; run aws sso login --profile dev$/);
  });
});

describe('credentials of a role', () => {
  it('are those that STS returns for the token of a web identity', async (t) => {
    const sts = await tokenService(t, (body) => body.includes('WebIdentityToken=web-token'), GIVEN);
    const home = await environment(t, { AWS_ENDPOINT_URL_STS: sts.url });
    const file = path.join(home, 'token');
    await writeFile(file, 'web-token');
    process.env['AWS_WEB_IDENTITY_TOKEN_FILE'] = file;
    process.env['AWS_ROLE_ARN'] = 'arn:aws:iam::111122223333:role/fleet';
    same(await ask());
  });

  it('are reported with the file of the token where that is missing', async (t) => {
    const file = '/nowhere/oidc';
    const role = { AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/fleet', AWS_WEB_IDENTITY_TOKEN_FILE: file };
    await environment(t, role);
    await none(t, /^no AWS credentials: \/nowhere\/oidc cannot be read \(ENOENT\)$/);
  });

  const ROLE =
    '[profile fleet]\nrole_arn = arn:aws:iam::111122223333:role/fleet\nsource_profile = base\n' +
    '[profile base]\naws_access_key_id = AKIA\naws_secret_access_key = base-secret\n';

  it('are those that STS returns to the user of another profile', async (t) => {
    const sts = await tokenService(t, (body) => body.includes('Action=AssumeRole&'), GIVEN);
    const home = await environment(t, { AWS_PROFILE: 'fleet', AWS_ENDPOINT_URL_STS: sts.url });
    await writeConfig(home, ROLE);
    same(await ask());
  });

  it('that STS refuses are reported with its message on one line', async (t) => {
    const sts = await tokenService(t, () => false, GIVEN);
    const home = await environment(t, { AWS_PROFILE: 'fleet', AWS_ENDPOINT_URL_STS: sts.url });
    await writeConfig(home, ROLE);
    await none(
      t,
      /AccessDenied: User: .*user\/ci is not authorized to perform: sts:AssumeRole\); check that this host may/,
    );
  });

  it('that do not arrive in time are reported with the time limit', async (t) => {
    const sts = await standIn(t, () => undefined);
    const home = await environment(t, { AWS_PROFILE: 'fleet', AWS_ENDPOINT_URL_STS: sts.url });
    await writeConfig(home, ROLE);
    await none(t, /their provider did not answer within 0\.1 s/, 100);
  });

  it('are reported with the network error where STS cannot be reached', async (t) => {
    const home = await environment(t, { AWS_PROFILE: 'fleet', AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1' });
    await writeConfig(home, ROLE);
    await none(t, /cannot be reached \(ECONNREFUSED\)/);
  });
});
