import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import type { Entry } from '../../../../shim/journal/journal.ts';
import { UserError } from '../../../../shim/user-error.ts';
import { temporaryFolder } from '../temporary.ts';
import { failingDisk } from './disks.ts';
import {
  type Command,
  START,
  expectedAfter,
  expectedAfterStart,
  history,
  identity,
  openJournal,
  quickDisk,
  run,
  sampleCall,
} from './samples.ts';

interface Written {
  readonly bytes: Buffer;
  /** Where the header ends, then where each command's record ends. */
  readonly ends: readonly number[];
}

/** The journal of a history as it is in the file, and its length after each command. */
async function written(t: TestContext, commands: readonly Command[]): Promise<Written> {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'journal');
  const { journal } = openJournal(folder, { disk: quickDisk });
  const ends = [readFileSync(file).length];
  for (const command of commands) {
    await run(journal, command);
    ends.push(readFileSync(file).length);
  }
  await journal.close();
  return { bytes: readFileSync(file), ends };
}

/** Opens what a disk has left of a journal, in a folder with nothing else in it. */
function openBytes(folder: string, bytes: Uint8Array, boot = 'boot-1') {
  for (const name of readdirSync(folder)) rmSync(path.join(folder, name));
  writeFileSync(path.join(folder, 'journal'), bytes);
  const { journal, warnings } = openJournal(folder, { disk: quickDisk, boot });
  return { entries: journal.entries(), warnings, names: readdirSync(folder).sort(), journal };
}

const fold = (commands: readonly Command[], open: readonly Entry[] = []): readonly Entry[] =>
  commands.reduce<readonly Entry[]>((before, command) => expectedAfter(before, command) ?? before, open);

/** The history without one record; a call that was begun before `doubtUntil` and has no result is not resumed. */
function without(lost: number | undefined, doubtUntil: number): Entry[] {
  const kept = history.map((command, i) => ({ command, i })).filter(({ i }) => i !== lost);
  const before = kept.filter(({ i }) => i < doubtUntil).map(({ command }) => command);
  const begunBefore = new Set(fold(before).flatMap((entry) => (entry.kind === 'begun' ? [entry.call.key] : [])));
  const all = fold(kept.map(({ command }) => command));
  return expectedAfterStart(all.filter(({ kind, call }) => kind !== 'begun' || !begunBefore.has(call.key)));
}

describe('a journal whose end is missing', () => {
  it('holds a prefix of its history, wherever it was cut', async (t) => {
    const { bytes, ends } = await written(t, history);
    const folder = await temporaryFolder(t);
    for (let length = 0; length <= bytes.length; length++) {
      const { entries, warnings } = openBytes(folder, bytes.subarray(0, length));
      // A record is complete without its line feed.
      const count = Math.max(0, ends.filter((end) => end - 1 <= length).length - 1);
      assert.deepEqual(entries, expectedAfterStart(fold(history.slice(0, count))), `cut at ${length}`);
      const isClean = ends.some((end) => end === length || (end - 1 === length && end !== ends[0]));
      assert.equal(warnings.length > 0, !isClean, `cut at ${length}: ${warnings.join()}`);
    }
  });

  for (const [what, garbage] of [
    ['zeros', Buffer.alloc(5_000)],
    ['garbage', Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * i * 7 + (i >> 3)) % 256))],
    ['half a record', Buffer.from('0123abcd {"kind":"rel')],
  ] as const) {
    it(`loses only ${what} at its end, and logs the loss`, async (t) => {
      const { bytes } = await written(t, [{ kind: 'release', n: 1 }]);
      const folder = await temporaryFolder(t);
      const { entries, warnings, journal } = openBytes(folder, Buffer.concat([bytes, garbage]));
      assert.deepEqual(entries, [{ kind: 'release', call: sampleCall(1) }]);
      assert.equal(warnings.length, 1);
      assert.match(warnings.join(), /^the end of .*\/journal was torn: \d+ bytes were cut off; 1 calls were read$/);
      await journal.release(sampleCall(2));
      await journal.close();
      const again = openJournal(folder);
      assert.deepEqual(again.warnings, []);
      assert.equal(again.journal.stats.depth, 2);
    });
  }
});

describe('a journal with a wrong byte', () => {
  it('loses only the record that holds it, and undoes no call whose result may be lost', async (t) => {
    const { bytes, ends } = await written(t, history);
    const folder = await temporaryFolder(t);
    const last = history.length - 1;
    for (let at = 0; at < bytes.length; at++) {
      const record = ends.findIndex((end) => at < end) - 1;
      const isLineFeed = ends.includes(at + 1);
      const joined = record + 1 + (isLineFeed ? 1 : 0);
      // The last record lacks its line feed in this case: a write that never returned.
      const doubtUntil = record < 0 ? history.length : isLineFeed && record === last ? 0 : joined;
      const expected = without(isLineFeed || record < 0 ? undefined : record, doubtUntil);
      for (const wrong of [bytes.readUInt8(at) ^ 1, 0x0a]) {
        if (wrong === bytes.readUInt8(at)) continue;
        const damaged = Buffer.from(bytes);
        damaged[at] = wrong;
        const { entries, warnings, names } = openBytes(folder, damaged);
        assert.deepEqual(entries, expected, `byte ${at} is ${wrong}`);
        assert.ok(warnings.length > 0);
        const aside = `journal.damaged-${START}`;
        assert.equal(names.includes(aside), joined <= last, `byte ${at} is ${wrong}`);
        if (joined <= last) assert.deepEqual(readFileSync(path.join(folder, aside)), damaged);
      }
    }
  });

  it('logs an error, and names the file that is kept aside', async (t) => {
    const { bytes, ends } = await written(t, history);
    bytes.fill('x', ends[2], ends[3]);
    const folder = await temporaryFolder(t);
    const { warnings } = openBytes(folder, bytes);
    const aside = path.join(folder, `journal.damaged-${START}`);
    assert.equal(warnings[0], `journal was damaged by the disk or file system; it is kept as ${aside}`);
    assert.match(warnings[1] ?? '', /\/journal is DAMAGED: \d+ bytes are unreadable; \d calls were read$/);
  });

  it('keeps what it can read even if it cannot be rewritten at once', async (t) => {
    const { bytes, ends } = await written(t, history);
    bytes.fill('x', ends[0], ends[1]);
    const folder = await temporaryFolder(t, { journal: bytes });
    openJournal(folder, { disk: failingDisk(new Set(['write'])) });
    const { journal } = openJournal(folder);
    assert.deepEqual(journal.entries(), without(0, 1));
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('journal.damaged')),
      [`journal.damaged-${START}`, `journal.damaged-${START + 1}`],
    );
  });
});

describe('a call without a result', () => {
  const begun: readonly Command[] = [{ kind: 'begin', n: 1 }];

  it('is settled with nothing kept when its process has died', async (t) => {
    const { bytes } = await written(t, begun);
    const { entries } = openBytes(await temporaryFolder(t), bytes);
    assert.deepEqual(entries, [{ kind: 'settle', call: sampleCall(1), keep: undefined }]);
  });

  it('is left to operators when the system has restarted, since its result may be lost with the power', async (t) => {
    const { bytes } = await written(t, [...begun, { kind: 'release', n: 2 }]);
    const folder = await temporaryFolder(t);
    const { entries, warnings, journal } = openBytes(folder, bytes, 'boot-2');
    assert.deepEqual(entries, [{ kind: 'release', call: sampleCall(2) }]);
    const [letter] = readFileSync(path.join(folder, 'dead-letters'), 'utf8').split('\n');
    const reason = 'its result may be lost (power loss or damage): only Docker knows whether the answer is in use';
    const at = new Date(START).toISOString();
    assert.deepEqual(JSON.parse(letter ?? ''), { at, reason, kind: 'begun', call: sampleCall(1) });
    assert.deepEqual(warnings, [`the call ${sampleCall(1).key} is put into the dead letters: ${reason}`]);
    assert.equal(journal.stats.deadLetters, 1);
  });

  it('is in the warning when it cannot be written to the dead letters', async (t) => {
    const { bytes } = await written(t, begun);
    const folder = await temporaryFolder(t, { journal: bytes });
    const { warnings } = openJournal(folder, { disk: failingDisk(new Set(['write'])), boot: 'boot-2' });
    assert.match(
      warnings[0] ?? '',
      /no space left .* not in the dead letters: \{"key":"0mjuohs01abcd",.*its result may/,
    );
  });
});

describe('a foreign journal', () => {
  it('is refused when it belongs to another host, and left unchanged', async (t) => {
    const { bytes } = await written(t, history);
    const folder = await temporaryFolder(t, { journal: bytes });
    const file = path.join(folder, 'journal');
    assert.throws(() => openJournal(folder, {}, { ...identity, hostId: 'host-2' }), {
      constructor: UserError,
      message:
        `${file} belongs to host host-1, not to host-2; start with --host-id host-1, or, if that host is gone for good, ` +
        'move the file away (what its unsent releases would free stays held until the fleet forgets the host)',
    });
    assert.deepEqual(readFileSync(file), bytes);
    assert.deepEqual(readdirSync(folder), ['journal']);
  });

  it('is set aside when it belongs to another incarnation, and never replayed', async (t) => {
    const { bytes } = await written(t, history);
    const folder = await temporaryFolder(t, { journal: bytes });
    const { journal, warnings } = openJournal(folder, {}, { ...identity, incarnation: 'nonce-2' });
    const aside = path.join(folder, `journal.foreign-${START}`);
    assert.deepEqual(journal.entries(), []);
    assert.deepEqual(warnings, [`journal belongs to another incarnation of this host; it is kept as ${aside}`]);
    assert.deepEqual(readFileSync(aside), bytes);
    await journal.release(sampleCall(1));
    assert.equal(openJournal(folder, {}, { ...identity, incarnation: 'nonce-2' }).journal.stats.depth, 1);
  });

  it('is not replayed when its header is damaged either', async (t) => {
    const { bytes } = await written(t, history);
    const folder = await temporaryFolder(t, { journal: bytes.fill('x', 0, 3) });
    const { journal } = openJournal(folder, {}, { ...identity, incarnation: 'nonce-2' });
    assert.deepEqual(journal.entries(), []);
    assert.deepEqual(readFileSync(path.join(folder, `journal.damaged-${START}`)), bytes);
  });

  it('is refused when a newer Berth has written it, and left unchanged', async (t) => {
    const folder = await temporaryFolder(t);
    const file = path.join(folder, 'journal');
    const text = `53c56f74 {"version":2,"hosts":["host-1"]}\n`;
    writeFileSync(file, text);
    assert.throws(() => openJournal(folder), {
      constructor: UserError,
      message: `${file} was written by a newer Berth (journal version 2, this program supports 1); start the newer Berth again`,
    });
    assert.equal(readFileSync(file, 'utf8'), text);
  });

  it('is refused with a clear error when it cannot be read', async (t) => {
    const folder = await temporaryFolder(t);
    mkdirSync(path.join(folder, 'journal'));
    assert.throws(() => openJournal(folder), {
      constructor: UserError,
      message: /^cannot read the journal .*\/journal: EISDIR/,
    });
  });
});
