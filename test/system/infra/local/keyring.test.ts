import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { openKeyring } from '../../../../infra/local/keyring.ts';
import { parseSharedCredentials } from '../../../../shim/aws/shared-credentials.ts';
import { UserError } from '../../../../shim/user-error.ts';
import { temporaryFolder } from '../../../unit/shim/temporary.ts';

const GUEST = {
  accessKey: 'ASIAEXAMPLEEXAMPLE00',
  secret: 'secret',
  sessionToken: 'token',
  expires: '2026-01-01T00:00:00.000Z',
  userArn: 'arn:aws:sts::111122223333:assumed-role/fleet/i-0123456789',
};

describe("the keyring of a machine's cloud", () => {
  it('creates a key of the local principal, which only its owner can read', async (t) => {
    const folder = await temporaryFolder(t);
    const { local } = openKeyring(folder);
    const file = path.join(folder, 'credentials');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(parseSharedCredentials(await readFile(file, 'utf8')), {
      accessKeyId: local.accessKey,
      secretAccessKey: local.secret,
    });
    assert.equal(local.userArn, 'arn:aws:iam::000000000000:user/local');
  });

  it('keeps the key over restarts, and every cloud has a different one', async (t) => {
    const folder = await temporaryFolder(t);
    const { local } = openKeyring(folder);
    assert.deepEqual(openKeyring(folder).local, local);
    assert.notEqual(openKeyring(await temporaryFolder(t)).local.secret, local.secret);
  });

  it('finds the local key and keys added while it is open, and no others', async (t) => {
    const folder = await temporaryFolder(t);
    const keyring = openKeyring(folder);
    assert.equal(keyring.find(keyring.local.accessKey), keyring.local);
    assert.equal(keyring.find(GUEST.accessKey), undefined);
    await writeFile(path.join(folder, 'keys.json'), JSON.stringify([GUEST]));
    assert.deepEqual(keyring.find(GUEST.accessKey), { ...GUEST, expires: Date.UTC(2026, 0, 1) });
    assert.equal(keyring.find('AKIAEXAMPLEEXAMPLE00'), undefined);
  });

  for (const [what, file, text] of [
    ['credentials without a key', 'credentials', '[default]\naws_access_key_id = LOCAL\n'],
    ['keys that are not JSON', 'keys.json', '[{'],
    ['a key without a principal', 'keys.json', JSON.stringify([{ ...GUEST, userArn: 'fleet' }])],
  ] as const) {
    it(`refuses ${what}, and names the file`, async (t) => {
      const folder = await temporaryFolder(t);
      await writeFile(path.join(folder, file), text);
      assert.throws(
        () => openKeyring(folder),
        (error) => error instanceof UserError && error.message.includes(file),
      );
    });
  }
});
