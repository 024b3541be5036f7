import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { Disk } from '../../../../shim/journal/disk.ts';
import { Journal, JournalError, type JournalStats } from '../../../../shim/journal/journal.ts';
import { sizeOf } from '../../../../shim/journal/open-calls.ts';
import { temporaryFolder } from '../temporary.ts';
import { failingDisk, watchedDisk } from './disks.ts';
import { START, identity, openJournal, quickDisk, sampleCall, newJournal } from './samples.ts';

describe('the journal', () => {
  it('is one file for its owner alone, with human-readable lines', async (t) => {
    const { folder, journal } = await newJournal(t);
    journal.begin(sampleCall(1));
    journal.result(sampleCall(1).key, { keep: '10.0.0.1', settle: true });
    const file = path.join(folder, 'journal');
    assert.deepEqual(readdirSync(folder), ['journal']);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const lines = readFileSync(file, 'utf8').split('\n');
    assert.match(
      lines[0] ?? '',
      /^[0-9a-f]{8} \{"version":1,"host":"host-1","incarnation":"nonce-1","boot":"boot-1"\}$/,
    );
    assert.match(lines[1] ?? '', /^[0-9a-f]{8} \{"kind":"begin","call":\{"key":"0mjuohs01abcd","driver":"berth",/);
    assert.match(
      lines[2] ?? '',
      /^[0-9a-f]{8} \{"kind":"result","key":"0mjuohs01abcd","keep":"10.0.0.1","settle":true\}$/,
    );
    assert.deepEqual(lines.slice(3), ['']);
  });

  it('detects which run of the system it is in', async (t) => {
    const folder = await temporaryFolder(t);
    const warn = (message: string): void => {
      assert.fail(message);
    };
    Journal.open(folder, identity, { warn }).begin(sampleCall(1));
    const [entry] = Journal.open(folder, identity, { warn }).entries();
    assert.equal(entry?.kind, 'settle');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    assert.ok(readFileSync(path.join(folder, 'journal'), 'utf8').includes(`"boot":"${boot}"`));
  });

  it('opens next to a half-written file of a killed process', async (t) => {
    const folder = await temporaryFolder(t);
    await openJournal(folder).journal.release(sampleCall(1));
    writeFileSync(path.join(folder, 'journal.new'), 'half');
    const { journal, warnings } = openJournal(folder, { boot: 'boot-2' });
    assert.equal(journal.stats.depth, 1);
    assert.deepEqual(warnings, []);
    assert.equal(existsSync(path.join(folder, 'journal.new')), false);
  });

  it('reports how much waits, and since when', async (t) => {
    const { journal } = await newJournal(t);
    const nothing: JournalStats = { depth: 0, bytes: 0, oldest: undefined, deadLetters: 0, failing: undefined };
    const stats = (): JournalStats => journal.stats;
    assert.deepEqual(stats(), nothing);
    journal.begin(sampleCall(7));
    await journal.release(sampleCall(8));
    const [first, second] = journal.entries();
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(stats(), { ...nothing, depth: 2, bytes: sizeOf(first) + sizeOf(second), oldest: START + 7 });
    journal.result(sampleCall(7).key, { keep: undefined, settle: false });
    assert.equal(stats().oldest, START + 8);
    journal.done(sampleCall(8).key);
    assert.deepEqual(stats(), nothing);
  });

  it('writes nothing about calls that are unknown or over', async (t) => {
    const { folder, journal } = await newJournal(t);
    await journal.release(sampleCall(2));
    const before = readFileSync(path.join(folder, 'journal'));
    for (const { key } of [sampleCall(1), sampleCall(2)]) {
      journal.result(key, { keep: undefined, settle: true });
      journal.keepNothing(key);
    }
    journal.done(sampleCall(1).key);
    journal.deadLetter(sampleCall(1).key, 'refused');
    assert.deepEqual(readFileSync(path.join(folder, 'journal')), before);
    assert.equal(existsSync(path.join(folder, 'dead-letters')), false);
  });

  it('finds an entry by its key', async (t) => {
    const { journal } = await newJournal(t);
    journal.begin(sampleCall(1));
    assert.deepEqual(journal.find(sampleCall(1).key), { kind: 'begun', call: sampleCall(1) });
    assert.equal(journal.find(sampleCall(2).key), undefined);
  });

  it('accepts a body of up to 64 KiB, whatever is in it, and no larger one', async (t) => {
    const { folder, journal } = await newJournal(t);
    const bodies = ['"'.repeat(65_536), '\u0000\n\u2028'.repeat(1_000), 'é'.repeat(32_768), ''];
    for (const [n, body] of bodies.entries()) await journal.release(sampleCall(n, body));
    for (const body of ['x'.repeat(65_537), 'é'.repeat(32_769)]) {
      assert.throws(() => {
        journal.begin(sampleCall(9, body));
      }, /Invalid bytes/);
    }
    const found = openJournal(folder).journal.entries();
    assert.deepEqual(
      found.map(({ call }) => call.body),
      bodies,
    );
  });

  it('stays closed', async (t) => {
    const { folder, journal } = await newJournal(t);
    const releases = [1, 2, 3].map((n) => journal.release(sampleCall(n)));
    await journal.close();
    await Promise.all(releases);
    const before = readFileSync(path.join(folder, 'journal'));
    assert.throws(
      () => {
        journal.begin(sampleCall(4));
      },
      new JournalError(`the journal in ${folder} is closed`),
    );
    for (const n of [3, 4]) await assert.rejects(journal.release(sampleCall(n)), /is closed/);
    assert.deepEqual(readFileSync(path.join(folder, 'journal')), before);
  });
});

describe('the number of calls that wait for the cloud is bounded', () => {
  it('for calls that are begun, and releases have the same amount in addition', async (t) => {
    const folder = await temporaryFolder(t);
    const size = sizeOf({ kind: 'release', call: sampleCall(10) });
    const { journal } = openJournal(folder, { maxBytes: 3.4 * size });
    for (const n of [10, 11, 12]) journal.begin(sampleCall(n));
    const refusal = (depth: number): object => ({
      constructor: JournalError,
      message: new RegExp(
        `^${depth} calls wait for the cloud \\(\\d+ bytes in .*\\); Berth accepts no more calls until`,
      ),
    });
    const begin = (n: number) => (): void => {
      journal.begin(sampleCall(n));
    };
    assert.throws(begin(13), refusal(3));
    for (const n of [14, 15, 16]) await journal.release(sampleCall(n));
    await assert.rejects(journal.release(sampleCall(17)), refusal(6));
    assert.equal(journal.stats.depth, 6);
    for (const n of [10, 14, 15, 16]) journal.done(sampleCall(n).key);
    begin(18)();
  });
});

describe('a dead letter', () => {
  it('is on the disk with its reason before its entry leaves the journal', async (t) => {
    const { folder, journal } = await newJournal(t);
    await journal.release(sampleCall(1));
    journal.deadLetter(sampleCall(1).key, 'no such pool');
    const file = path.join(folder, 'dead-letters');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), {
      at: new Date(START).toISOString(),
      reason: 'no such pool',
      kind: 'release',
      call: sampleCall(1),
    });
    assert.equal(journal.stats.deadLetters, 1);
    const again = openJournal(folder).journal;
    assert.deepEqual(again.entries(), []);
    assert.equal(again.stats.deadLetters, 1);
  });

  it('stays an entry when it cannot be written, and leaves no partial line', async (t) => {
    const folder = await temporaryFolder(t);
    const failing = new Set<'write' | 'sync'>();
    const { journal } = openJournal(folder, { disk: failingDisk(failing) });
    for (const n of [1, 2, 3]) await journal.release(sampleCall(n));
    journal.deadLetter(sampleCall(1).key, 'refused');
    for (const operation of ['write', 'sync'] as const) {
      failing.add(operation);
      assert.throws(() => {
        journal.deadLetter(sampleCall(2).key, 'refused');
      }, JournalError);
      failing.clear();
    }
    assert.equal(journal.find(sampleCall(2).key)?.kind, 'release');
    assert.equal(readFileSync(path.join(folder, 'dead-letters'), 'utf8').split('\n').length, 2);
    journal.deadLetter(sampleCall(2).key, 'refused');
    assert.equal(journal.stats.deadLetters, 2);
  });

  it('is flushed, and so is its name', async (t) => {
    const steps: string[] = [];
    const disk = watchedDisk((operation) => steps.push(operation), quickDisk);
    const { journal } = await newJournal(t, { disk });
    await journal.release(sampleCall(1));
    steps.length = 0;
    journal.deadLetter(sampleCall(1).key, 'refused');
    assert.deepEqual(steps, ['open', 'write', 'sync', 'syncFolder', 'write']);
  });

  it('starts a new line after what a crash left of one', async (t) => {
    const folder = await temporaryFolder(t);
    const file = path.join(folder, 'dead-letters');
    writeFileSync(file, '{"at":"2026-');
    const { journal } = openJournal(folder);
    await journal.release(sampleCall(1));
    journal.deadLetter(sampleCall(1).key, 'refused');
    const lines = readFileSync(file, 'utf8').split('\n');
    assert.equal(lines.length, 3);
    assert.deepEqual(JSON.parse(lines[1] ?? ''), {
      at: new Date(START).toISOString(),
      reason: 'refused',
      kind: 'release',
      call: sampleCall(1),
    });
  });

  it('replaces the oldest ones when two files are full', async (t) => {
    const { folder, journal } = await newJournal(t, { disk: quickDisk, maxDeadLetterBytes: 2_000 });
    for (let n = 0; n < 100; n++) {
      await journal.release(sampleCall(n));
      journal.deadLetter(sampleCall(n).key, 'x'.repeat(10_000 * (n % 2)));
      for (const name of readdirSync(folder).filter((each) => each.startsWith('dead'))) {
        assert.ok(statSync(path.join(folder, name)).size < 5_000, name);
      }
    }
    const kept = ['dead-letters.1', 'dead-letters'].flatMap((name) => {
      const file = path.join(folder, name);
      return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
    });
    assert.ok(kept.at(-1)?.includes(sampleCall(99).key));
    assert.equal(journal.stats.deadLetters, kept.length);
  });

  it('are listed from the oldest on, and dropped one by one or all', async (t) => {
    const { folder, journal } = await newJournal(t);
    for (let n = 2; n <= 3; n++) {
      await journal.release(sampleCall(n));
      journal.deadLetter(sampleCall(n).key, `refused ${n}`);
    }
    const told = (): string[] => journal.letters().map(({ reason }) => reason);
    assert.deepEqual(told(), ['refused 2', 'refused 3']);
    assert.equal(journal.dropLetters(new Set([sampleCall(2).key, 'none'])), 1);
    assert.deepEqual([told(), journal.stats.deadLetters], [['refused 3'], 1]);
    assert.deepEqual(openJournal(folder).journal.stats.deadLetters, 1);
    await journal.release(sampleCall(4));
    journal.deadLetter(sampleCall(4).key, 'refused 4');
    assert.deepEqual(told(), ['refused 3', 'refused 4']);
    writeFileSync(path.join(folder, 'dead-letters'), 'damaged', { flag: 'a' });
    assert.deepEqual(told(), ['refused 3', 'refused 4']);
    assert.equal(journal.dropLetters('all'), 3);
    assert.deepEqual([told(), journal.stats.deadLetters], [[], 0]);
    assert.equal(statSync(path.join(folder, 'dead-letters')).mode & 0o777, 0o600);
  });

  it('stay when the disk fails while they are dropped', async (t) => {
    const failing = new Set<keyof Disk>();
    const { journal } = await newJournal(t, { disk: failingDisk(failing) });
    await journal.release(sampleCall(1));
    journal.deadLetter(sampleCall(1).key, 'refused');
    failing.add('rename');
    assert.throws(() => journal.dropLetters('all'), JournalError);
    assert.equal(journal.letters().length, 1);
  });
});
