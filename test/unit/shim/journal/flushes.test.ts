import assert from 'node:assert/strict';
import { fstatSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { type Disk, realDisk } from '../../../../shim/journal/disk.ts';
import { temporaryFolder } from '../temporary.ts';
import { watchedDisk } from './disks.ts';
import { openJournal, quickDisk, sampleCall, newJournal } from './samples.ts';

/** A disk whose asynchronous flushes end when the test says so. */
function heldFlushes(): { disk: Disk; flushes: { descriptor: number; end: () => void; fail: () => void }[] } {
  const flushes: { descriptor: number; end: () => void; fail: () => void }[] = [];
  const syncData = (descriptor: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const fail = (): void => {
        reject(new Error('told to fail'));
      };
      flushes.push({ descriptor, end: resolve, fail });
    });
  return { disk: { ...realDisk, syncData }, flushes };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a release is flushed', () => {
  it('together with the others that arrive in the meantime', async (t) => {
    const operations: string[] = [];
    const disk = watchedDisk((operation) => operations.push(operation));
    const { journal } = await newJournal(t, { disk });
    operations.length = 0;
    await Promise.all(Array.from({ length: 100 }, (_, n) => journal.release(sampleCall(n))));
    const flushes = operations.filter((operation) => operation.startsWith('sync')).length;
    assert.ok(flushes >= 1 && flushes <= 3, `${flushes} flushes`);
    t.diagnostic(`${flushes} flushes for 100 releases`);
    await journal.close();
  });

  it('by a flush that began after it was written, not by one in progress', async (t) => {
    const { disk, flushes } = heldFlushes();
    const { journal } = await newJournal(t, { disk });
    const said: number[] = [];
    const first = journal.release(sampleCall(1)).then(() => said.push(1));
    await turn();
    assert.equal(flushes.length, 1);
    const second = journal.release(sampleCall(2)).then(() => said.push(2));
    flushes[0]?.end();
    await first;
    await turn();
    assert.deepEqual(said, [1]);
    assert.equal(flushes.length, 2);
    flushes[1]?.end();
    await second;
    await journal.close();
  });

  it('while the file is replaced, and the old file stays open until then', async (t) => {
    const { disk, flushes } = heldFlushes();
    const { folder, journal } = await newJournal(t, { disk, compactAt: 300 });
    const file = path.join(folder, 'journal');
    const release = journal.release(sampleCall(1));
    await turn();
    const [flush] = flushes;
    assert.ok(flush !== undefined);
    const { ino } = fstatSync(flush.descriptor);
    for (let n = 2; statSync(file).ino === ino; n++) {
      journal.begin(sampleCall(n));
      journal.done(sampleCall(n).key);
    }
    assert.equal(fstatSync(flush.descriptor).ino, ino);
    // The new file was flushed completely, so the outcome of the old file's flush no longer matters.
    flush.fail();
    await release;
    assert.ok(readFileSync(file, 'utf8').includes(sampleCall(1).key));
    await journal.close();
  });
});

describe('the file of the journal', () => {
  it('stays small over a hundred thousand calls', async (t) => {
    const folder = await temporaryFolder(t);
    const file = path.join(folder, 'journal');
    const { journal } = openJournal(folder);
    await journal.release(sampleCall(0));
    let largest = 0;
    for (let n = 1; n <= 100_000; n++) {
      journal.begin(sampleCall(n));
      journal.result(sampleCall(n).key, { keep: '10.0.0.1', settle: false });
      if (n % 500 === 0) largest = Math.max(largest, statSync(file).size);
    }
    assert.ok(largest > 500_000 && largest <= 1_048_576, `${largest} bytes`);
    assert.equal(journal.stats.depth, 1);
    await journal.close();
  });

  it('is at most twice as large as its open entries, when those are large', async (t) => {
    const folder = await temporaryFolder(t);
    let rewrites = 0;
    const disk = watchedDisk((operation) => {
      if (operation === 'rename') rewrites++;
    }, quickDisk);
    const { journal } = openJournal(folder, { disk, compactAt: 1_000 });
    for (let n = 0; n < 2_000; n++) await journal.release(sampleCall(n));
    const { bytes } = journal.stats;
    for (let n = 0; n < 20_000; n++) {
      journal.begin(sampleCall(10_000));
      journal.done(sampleCall(10_000).key);
    }
    assert.ok(statSync(path.join(folder, 'journal')).size < 2 * bytes + 1_000);
    assert.ok(rewrites < 100, `${rewrites} rewrites`);
    await journal.close();
  });
});
