import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import { CredentialsError } from '../../../../shim/aws/credentials-error.ts';
import { formatSharedCredentials } from '../../../../shim/aws/shared-credentials.ts';
import { signers } from '../../../../shim/aws/signer.ts';
import { parseEndpoint } from '../../../../shim/endpoint.ts';
import { localFunction } from '../../../support/local-function.ts';
import { REQUEST, guest, send } from './requests.ts';

describe('the credentials of a local cloud', () => {
  const setUpAfresh = async (t: TestContext) => {
    const target = await localFunction(t);
    const signer = signers(undefined)(target.endpoint);
    await send(target, signer);
    await target.addKeys(guest({ sessionToken: undefined }));
    const { accessKey: accessKeyId, secret: secretAccessKey } = guest();
    const file = path.join(target.folder, 'credentials');
    await writeFile(file, formatSharedCredentials({ accessKeyId, secretAccessKey }));
    return { target, signer, file };
  };

  it('are read again after they were refused, and not before', async (t) => {
    const { target, signer } = await setUpAfresh(t);
    await send(target, signer);
    signer.forgetCredentials();
    await send(target, signer);
    const who = target.events.map(({ requestContext }) => requestContext.authorizer.iam.userArn.split('/').at(-1));
    assert.deepEqual(who, ['local', 'local', 'i-0123456789']);
  });

  it('are reported by file name when damaged, with the remedy and without their content', async (t) => {
    const { target, signer, file } = await setUpAfresh(t);
    await writeFile(file, '[default]\naws_secret_access_key = guest-secret\n');
    signer.forgetCredentials();
    await assert.rejects(send(target, signer), /credentials contains no access key; remove it and restart the cloud/);
  });

  it('are reported by file name when they cannot be read', async (t) => {
    const { endpoint } = await localFunction(t);
    const inFile = parseEndpoint(`${endpoint.text}/test.sock`);
    await assert.rejects(
      signers(undefined)(inFile).sign(REQUEST),
      (error) => error instanceof CredentialsError && error.message.includes('credentials cannot be read (ENOTDIR)'),
    );
  });

  it('never run a program', async (t) => {
    const { target, signer, file } = await setUpAfresh(t);
    await writeFile(file, '[default]\ncredential_process = touch ran\n');
    signer.forgetCredentials();
    await assert.rejects(send(target, signer), /contains no access key/);
  });
});
