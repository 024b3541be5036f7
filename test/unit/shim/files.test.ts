import assert from 'node:assert/strict';
import fs, { closeSync, existsSync, openSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import { readIfThere, writeDurably } from '../../../shim/files.ts';
import { temporaryFolder } from './temporary.ts';

/** Lets named imports of node:fs see a function that a test replaces, until the test ends. */
function install(t: TestContext): void {
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}

describe('writeDurably', () => {
  it('writes a new file for its owner alone, and leaves no other file', async (t) => {
    const folder = await temporaryFolder(t);
    const file = path.join(folder, 'state');
    writeDurably(file, 'Zürich 東京\n');
    assert.equal(readFileSync(file, 'utf8'), 'Zürich 東京\n');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ['state']);
  });

  it('leaves nothing of a longer old text', async (t) => {
    const file = path.join(await temporaryFolder(t), 'state');
    writeDurably(file, 'a long text');
    writeDurably(file, 'short');
    assert.equal(readFileSync(file, 'utf8'), 'short');
    writeDurably(file, '');
    assert.equal(readFileSync(file, 'utf8'), '');
  });

  it('replaces the file as a whole, so that a reader of the old file still sees all of it', async (t) => {
    const file = path.join(await temporaryFolder(t), 'state');
    writeDurably(file, 'old');
    const reader = openSync(file, 'r');
    writeDurably(file, 'new');
    assert.equal(readFileSync(reader, 'utf8'), 'old');
    closeSync(reader);
  });

  it('overwrites what a crash left half written', async (t) => {
    const folder = await temporaryFolder(t);
    const file = path.join(folder, 'state');
    writeFileSync(`${file}.new`, 'half of a very long te');
    writeDurably(file, 'whole');
    assert.equal(readFileSync(file, 'utf8'), 'whole');
    assert.deepEqual(readdirSync(folder), ['state']);
  });

  it('flushes the bytes before the rename, and the rename before it returns', async (t) => {
    const folder = await temporaryFolder(t);
    const steps: string[] = [];
    const opened = new Map<number, string>();
    const { openSync, fsyncSync, renameSync } = fs;
    t.mock.method(fs, 'openSync', (file: string, flags: string, mode?: number) => {
      const descriptor = openSync(file, flags, mode);
      opened.set(descriptor, file);
      return descriptor;
    });
    t.mock.method(fs, 'fsyncSync', (descriptor: number) => {
      const file = opened.get(descriptor) ?? '';
      steps.push(file === folder ? 'sync the folder' : `sync ${path.basename(file)}: ${readFileSync(file, 'utf8')}`);
      fsyncSync(descriptor);
    });
    t.mock.method(fs, 'renameSync', (from: string, to: string) => {
      steps.push(`rename to ${path.basename(to)}`);
      renameSync(from, to);
    });
    install(t);
    writeDurably(path.join(folder, 'state'), 'text');
    assert.deepEqual(steps, ['sync state.new: text', 'rename to state', 'sync the folder']);
  });

  it('leaves the old text when the disk fails, and throws', async (t) => {
    const file = path.join(await temporaryFolder(t), 'state');
    writeDurably(file, 'old');
    t.mock.method(fs, 'fsyncSync', () => {
      throw new Error('no space left on device');
    });
    install(t);
    assert.throws(() => {
      writeDurably(file, 'new');
    }, /no space left on device/);
    assert.equal(readFileSync(file, 'utf8'), 'old');
  });

  it('fails without the folder, and does not create it', async (t) => {
    const folder = path.join(await temporaryFolder(t), 'none');
    assert.throws(() => {
      writeDurably(path.join(folder, 'state'), 'text');
    }, /ENOENT/);
    assert.equal(existsSync(folder), false);
  });
});

describe('readIfThere', () => {
  it('distinguishes a missing file from an empty one', async (t) => {
    const file = path.join(await temporaryFolder(t), 'state');
    assert.equal(readIfThere(file), undefined);
    writeFileSync(file, '');
    assert.equal(readIfThere(file), '');
    writeFileSync(file, 'text\n');
    assert.equal(readIfThere(file), 'text\n');
  });

  it('does not treat an unreadable file as missing', async (t) => {
    const folder = await temporaryFolder(t);
    assert.throws(() => readIfThere(folder), /EISDIR/);
    writeFileSync(path.join(folder, 'file'), '');
    assert.throws(() => readIfThere(path.join(folder, 'file/inside')), /ENOTDIR/);
  });
});
