/** The folder that the shim writes to, as root. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { prepareDataFolder } from '../../../shim/data-folder.ts';
import { lockFolder } from '../../../shim/lock.ts';
import { UserError } from '../../../shim/user-error.ts';
import { runBerth } from '../../support/berth-process.ts';
import { temporaryFolder } from './temporary.ts';

const OTHER_USER = 12_345;
const isRoot = process.getuid?.() === 0;

const refused = (folder: string, words: RegExp): void => {
  assert.throws(
    () => {
      prepareDataFolder(folder);
    },
    (error) => error instanceof UserError && words.test(error.message),
  );
};

describe('the data folder', () => {
  it('is created for its owner alone', async (t) => {
    const folder = path.join(await temporaryFolder(t), 'a/b');
    prepareDataFolder(folder);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    writeFileSync(path.join(folder, 'host-id'), 'a', { mode: 0o600 });
    prepareDataFolder(folder);
  });

  for (const mode of [0o770, 0o702]) {
    it(`is refused when others may write to it (${mode.toString(8)})`, async (t) => {
      const folder = path.join(await temporaryFolder(t), 'data');
      mkdirSync(folder);
      chmodSync(folder, mode);
      refused(folder, /data may be written by others \(mode 7\d\d\); .* chmod go-w .*, or choose another folder/);
    });
  }

  it('is refused when others may write to a file in it', async (t) => {
    const folder = await temporaryFolder(t, { 'host-id': 'a' });
    const file = path.join(folder, 'host-id');
    chmodSync(file, 0o666);
    refused(folder, /host-id may be written by others \(mode 666\)/);
  });

  it('is refused with a symbolic link in it, wherever the link leads', async (t) => {
    const folder = await temporaryFolder(t);
    symlinkSync('/nowhere', path.join(folder, 'sequence.new'));
    refused(folder, /sequence\.new is a symbolic link/);
  });

  it(
    'is refused when it, or a file in it, belongs to another user',
    { skip: isRoot ? false : 'needs root' },
    async (t) => {
      const folder = await temporaryFolder(t);
      const file = path.join(folder, 'host-id');
      writeFileSync(file, 'a', { mode: 0o600 });
      chownSync(file, OTHER_USER, OTHER_USER);
      refused(folder, /host-id belongs to user 12345, not to 0; .* chown 0 /);
      chownSync(file, 0, 0);
      chownSync(folder, OTHER_USER, OTHER_USER);
      refused(folder, /belongs to user 12345/);
    },
  );

  it('is reported when it is a file, or cannot be created', async (t) => {
    const folder = await temporaryFolder(t, { file: '' });
    refused(path.join(folder, 'file'), /file cannot be used: EEXIST: .*; run berth as .* another folder with --data$/);
    refused(path.join(folder, 'file/data'), /file\/data cannot be used: ENOTDIR: /);
  });

  it('is reported when only another user may write there', { skip: isRoot ? false : 'needs root' }, async (t) => {
    const folder = await temporaryFolder(t);
    chmodSync(folder, 0o755);
    const closed = path.join(folder, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    process.seteuid?.(OTHER_USER);
    try {
      refused(path.join(folder, 'data'), /data cannot be used: EACCES: .*; run berth as a user who may write there/);
      refused(closed, /closed cannot be used: EACCES: /);
      prepareDataFolder(folder);
      assert.throws(() => lockFolder(folder), {
        message: new RegExp(
          `lock\\.db cannot be written by user ${OTHER_USER}; run berth as the folder's owner \\(user 0\\)`,
        ),
      });
    } finally {
      process.seteuid?.(0);
    }
  });

  it('is checked before anything is written', async (t) => {
    const folder = await temporaryFolder(t);
    const target = path.join(await temporaryFolder(t), 'target');
    symlinkSync(target, path.join(folder, 'lock.db'));
    const { code, err } = await runBerth(['shim', '--endpoint', 'unix:/nowhere', '--data', folder]);
    assert.equal(code, 1);
    assert.match(err, /^berth: .*lock\.db is a symbolic link/);
    assert.equal(existsSync(target), false);
    assert.deepEqual(readdirSync(folder), ['lock.db']);
  });
});
