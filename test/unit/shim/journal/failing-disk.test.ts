import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import type { Disk } from '../../../../shim/journal/disk.ts';
import { type Journal, JournalError } from '../../../../shim/journal/journal.ts';
import { temporaryFolder } from '../temporary.ts';
import { failingDisk } from './disks.ts';
import { openJournal, sampleCall } from './samples.ts';

const FULL = {
  constructor: JournalError,
  message: /^Berth cannot write its journal: no space left on the device: free some in \//,
};

interface Failing {
  readonly folder: string;
  readonly journal: Journal;
  readonly warnings: readonly string[];
  /** The operations that fail. */
  readonly fail: (...operations: (keyof Disk)[]) => void;
}

async function onFailingDisk(t: TestContext, code?: string): Promise<Failing> {
  const operations = new Set<keyof Disk>();
  const folder = await temporaryFolder(t);
  const opened = openJournal(folder, { disk: failingDisk(operations, code), compactAt: 1_000 });
  const fail = (...names: (keyof Disk)[]): void => {
    operations.clear();
    for (const name of names) operations.add(name);
  };
  return { folder, ...opened, fail };
}

const begin = (journal: Journal, n: number) => (): void => {
  journal.begin(sampleCall(n));
};
const held = (folder: string): string[] =>
  openJournal(folder)
    .journal.entries()
    .map(({ call }) => call.key);
const keys = (...numbers: number[]): string[] => numbers.map((n) => sampleCall(n).key);

describe('a write that fails', () => {
  it('is reported with the folder and the remedy, changes nothing, and does not damage later writes', async (t) => {
    const { folder, journal, fail } = await onFailingDisk(t);
    await journal.release(sampleCall(1));
    const before = readFileSync(path.join(folder, 'journal'));
    fail('write');
    assert.throws(begin(journal, 2), FULL);
    await assert.rejects(journal.release(sampleCall(3)), FULL);
    assert.match(journal.stats.failing ?? '', /no space left on the device: free some in /);
    assert.deepEqual(readFileSync(path.join(folder, 'journal')), before);
    fail();
    begin(journal, 4)();
    assert.equal(journal.stats.failing, undefined);
    const again = openJournal(folder);
    assert.deepEqual(again.warnings, []);
    assert.deepEqual(
      again.journal.entries().map(({ call }) => call.key),
      keys(1, 4),
    );
  });

  it('leaves a call begun if it was to record its result', async (t) => {
    const { journal, fail } = await onFailingDisk(t);
    begin(journal, 1)();
    fail('write');
    const result = (): void => {
      journal.result(sampleCall(1).key, { keep: '10.0.0.1', settle: false });
    };
    assert.throws(result, FULL);
    assert.equal(journal.find(sampleCall(1).key)?.kind, 'begun');
    fail();
    result();
    assert.deepEqual(journal.entries(), []);
  });

  it('is dropped with the whole file when the half-written line cannot be cut back', async (t) => {
    const { folder, journal, fail } = await onFailingDisk(t);
    await journal.release(sampleCall(1));
    fail('write', 'truncate');
    assert.throws(begin(journal, 2), FULL);
    fail('rename');
    assert.throws(begin(journal, 3), FULL);
    fail();
    begin(journal, 4)();
    const again = openJournal(folder);
    assert.deepEqual(again.warnings, []);
    assert.equal(again.journal.stats.depth, 2);
  });

  for (const [code, remedy] of [
    ['EDQUOT', /the quota is used up: free some space in \//],
    ['EROFS', /the file system is read-only: make it writable again under \//],
    ['EIO', /the disk fails: see the kernel's log about \//],
    ['EPERM', /EPERM: told to fail: see to \//],
  ] as const) {
    it(`names a specific remedy for ${code}`, async (t) => {
      const { journal, fail } = await onFailingDisk(t, code);
      fail('write');
      assert.throws(begin(journal, 1), remedy);
    });
  }
});

describe('a flush that fails', () => {
  it('resolves no release, and leads to a new file, since the kernel forgets what it could not write', async (t) => {
    const { folder, journal, fail } = await onFailingDisk(t);
    const file = path.join(folder, 'journal');
    const first = statSync(file).ino;
    fail('syncData');
    await assert.rejects(journal.release(sampleCall(1)), FULL);
    assert.deepEqual(
      journal.entries().map(({ call }) => call.key),
      keys(1),
    );
    assert.match(journal.stats.failing ?? '', /no space left/);
    // The same release again: another file is flushed now.
    await journal.release(sampleCall(1));
    assert.notEqual(statSync(file).ino, first);
    assert.equal(journal.stats.failing, undefined);
    assert.deepEqual(held(folder), keys(1));
  });

  it('of the folder resolves no release either', async (t) => {
    const { folder, journal, fail } = await onFailingDisk(t);
    fail('syncData', 'syncFolder');
    await assert.rejects(journal.release(sampleCall(1)), FULL);
    await assert.rejects(journal.release(sampleCall(1)), FULL);
    fail();
    await journal.release(sampleCall(1));
    assert.deepEqual(held(folder), keys(1));
  });
});

describe('a compaction that fails', () => {
  for (const operation of ['open', 'sync', 'rename', 'syncFolder', 'remove'] as const) {
    it(`at ${operation} harms no call, and is retried`, async (t) => {
      const { folder, journal, warnings, fail } = await onFailingDisk(t);
      await journal.release(sampleCall(0));
      begin(journal, 1)();
      fail(operation);
      let last = 1;
      while (warnings.length === 0) {
        journal.done(sampleCall(last).key);
        begin(journal, ++last)();
      }
      assert.match(warnings.join(), /no space left on the device/);
      fail();
      journal.done(sampleCall(last).key);
      for (let n = 100; n < 120; n++) {
        begin(journal, n)();
        journal.done(sampleCall(n).key);
      }
      assert.ok(statSync(path.join(folder, 'journal')).size < 2_000);
      assert.deepEqual(held(folder), keys(0));
    });
  }

  it('at the opening does not keep the journal from opening', async (t) => {
    const { folder, journal } = await onFailingDisk(t);
    await journal.release(sampleCall(1));
    const operations = new Set<keyof Disk>(['write']);
    const opened = openJournal(folder, { disk: failingDisk(operations), boot: 'boot-2' });
    assert.match(opened.warnings.join(), /no space left on the device/);
    assert.match(opened.journal.stats.failing ?? '', /no space left on the device/);
    assert.throws(begin(opened.journal, 2), JournalError);
    operations.clear();
    begin(opened.journal, 2)();
    const { journal: again } = openJournal(folder, { boot: 'boot-2' });
    assert.equal(again.stats.depth, 2);
  });
});

describe('a journal on a full disk (tmpfs)', () => {
  it('loses nothing that was written, names the remedy, and continues when there is space', async (t) => {
    const folder = path.join(await temporaryFolder(t), 'small');
    mkdirSync(folder);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { encoding: 'utf8' });
    if (mounted.status !== 0) {
      t.skip(`a small tmpfs cannot be mounted here: ${mounted.stderr || 'no mount'}`.trim());
      return;
    }
    try {
      await fillAndFree(folder);
    } finally {
      spawnSync('umount', ['-l', folder]);
    }
  });

  async function fillAndFree(folder: string): Promise<void> {
    writeFileSync(path.join(folder, 'filler'), 'x'.repeat(32_768));
    const { journal } = openJournal(folder);
    const kept: string[] = [];
    const fill = async (): Promise<void> => {
      for (let n = 0; n < 1_000; n++) {
        await journal.release(sampleCall(n));
        kept.push(sampleCall(n).key);
      }
    };
    await assert.rejects(fill(), FULL);
    assert.ok(kept.length > 20);
    await holds(folder, kept);
    rmSync(path.join(folder, 'filler'));
    await journal.release(sampleCall(2_000));
    await journal.close();
    await holds(folder, [...kept, sampleCall(2_000).key]);
  }

  async function holds(folder: string, kept: readonly string[]): Promise<void> {
    const { journal, warnings } = openJournal(folder);
    assert.deepEqual(warnings, []);
    assert.deepEqual(
      journal.entries().map(({ call }) => call.key),
      kept,
    );
    await journal.close();
  }
});
