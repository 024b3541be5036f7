/** What the journal's safety depends on, each with the test that fails without it. */
import type { Edit } from '../../../support/mutant.ts';

export interface Guard {
  readonly what: string;
  readonly edit: Edit;
  /** File and title of a test that fails without it. */
  readonly test: readonly [file: string, title: string];
}

const WRONG_BYTE = 'loses only the record that holds it, and undoes no call whose result may be lost';
const POWER_LOSS = 'survives any loss of power';

export const guards: readonly Guard[] = [
  {
    what: 'a record counts only with a correct checksum',
    edit: {
      within: 'verified',
      find: "json.length === 0 || checksum !== `${crc32(json, seed).toString(16).padStart(8, '0')} `",
      replace: 'json.length === 0 || checksum === undefined || seed < 0',
    },
    test: ['damage', WRONG_BYTE],
  },
  {
    what: 'a line belongs to its writer',
    edit: {
      within: 'seedOf',
      find: 'crc32(JSON.stringify([hostId, incarnation]))',
      replace: '0 * hostId.length * incarnation.length',
    },
    test: ['damage', 'is not replayed when its header is damaged either'],
  },
  {
    what: 'half a line is cut back',
    edit: { within: 'LogFile.append', find: '      this.#cutBack(descriptor);\n', replace: '' },
    test: [
      'failing-disk',
      'is reported with the folder and the remedy, changes nothing, and does not damage later writes',
    ],
  },
  {
    what: 'a file that cannot be cut back is rewritten',
    edit: { within: 'LogFile.#cutBack', find: '} catch {\n      this.#isSound = false;', replace: '} catch {' },
    test: ['failing-disk', 'is dropped with the whole file when the half-written line cannot be cut back'],
  },
  {
    what: 'a new file is flushed before it gets the name',
    edit: { within: 'LogFile.#prepare', find: '      this.#disk.sync(descriptor);\n', replace: '' },
    test: ['model', POWER_LOSS],
  },
  {
    what: 'its name is flushed',
    edit: {
      within: 'LogFile.replace',
      find: '    this.#isSound = false;\n    this.#disk.syncFolder(path.dirname(this.#file));\n',
      replace: '',
    },
    test: ['model', POWER_LOSS],
  },
  {
    what: 'the name of a file that is taken over is flushed',
    edit: {
      within: 'LogFile.takeOver',
      find: 'at was flushed.\n    this.#disk.syncFolder(path.dirname(this.#file));',
      replace: 'at was.',
    },
    test: [
      'model',
      'survives a power loss also when the process that gave the file its name was killed at that moment',
    ],
  },
  {
    what: 'a flush that fails makes the file unsound',
    edit: { within: 'LogFile.sync', find: 'this.#isSound = false;\n        throw error;', replace: 'throw error;' },
    test: [
      'failing-disk',
      'resolves no release, and leads to a new file, since the kernel forgets what it could not write',
    ],
  },
  {
    what: 'a file is not closed during its flush',
    edit: { within: 'LogFile.#retire', find: ' && this.#descriptor !== this.#syncing', replace: '' },
    test: ['flushes', 'while the file is replaced, and the old file stays open until then'],
  },
  {
    what: 'a release waits for the disk',
    edit: { within: 'Journal.release', find: '    await this.#commits.join();\n', replace: '' },
    test: ['model', POWER_LOSS],
  },
  {
    what: 'a release waits for a flush that begins later',
    edit: {
      within: 'GroupCommit.#run',
      find: 'await this.#flush();\n        for (const { resolve } of together)',
      replace: 'await this.#flush();\n        for (const { resolve } of [...together, ...this.#waiting.splice(0)])',
    },
    test: ['flushes', 'by a flush that began after it was written, not by one in progress'],
  },
  {
    what: 'waiting releases share a flush',
    edit: {
      within: 'GroupCommit.#run',
      find: 'const together = this.#waiting;\n      this.#waiting = [];',
      replace: 'const together = this.#waiting.splice(0, 1);',
    },
    test: ['flushes', 'together with the others that arrive in the meantime'],
  },
  {
    what: 'a call is written before it counts as begun',
    edit: {
      within: 'Journal.#record',
      find: '      this.#file.append(encodeRecord(record, seedOf(this.#identity)));\n',
      replace: '',
    },
    test: ['killed', 'leaves in the journal all that was reported as written'],
  },
  {
    what: 'a command that was not written changes nothing',
    edit: {
      within: 'Journal.#record',
      find: '  #record(record: JournalRecord): void {\n',
      replace: '  #record(record: JournalRecord): void {\n    this.#open.apply(record);\n',
    },
    test: ['failing-disk', 'leaves a call begun if it was to record its result'],
  },
  {
    what: 'the waiting calls are bounded',
    edit: { within: 'Journal.#add', find: '> maxBytes)', replace: '> 1e9 * maxBytes)' },
    test: ['journal', 'for calls that are begun, and releases have the same amount in addition'],
  },
  {
    what: 'the file is rewritten when most of it is obsolete',
    edit: { within: 'Journal.#record', find: '    this.#compactIfDue();\n', replace: '' },
    test: ['flushes', 'stays small over a hundred thousand calls'],
  },
  {
    what: 'a call without a result is settled',
    edit: {
      within: 'conclude',
      find: "else open.apply({ kind: 'result', key, settle: true });",
      replace: 'else continue;',
    },
    test: ['damage', 'is settled with nothing kept when its process has died'],
  },
  {
    what: 'a call whose result may be damaged is not settled',
    edit: { within: 'recover', find: 'hasGap ||= line.isEnded;', replace: 'hasGap ||= false;' },
    test: ['damage', WRONG_BYTE],
  },
  {
    what: 'a call whose result may be lost with the power is not settled',
    edit: { within: 'recover', find: 'header !== undefined && header.boot === boot', replace: 'boot !== null' },
    test: ['damage', 'is left to operators when the system has restarted, since its result may be lost with the power'],
  },
  {
    what: 'a record survives the loss of the line feed next to it',
    edit: { within: 'decodePiece', find: ' ?? decodeRecord(piece.subarray(0, -1), seed)', replace: '' },
    test: ['damage', WRONG_BYTE],
  },
  {
    what: 'a damaged journal keeps its name until it is rewritten',
    edit: {
      within: 'tell',
      find: "'damaged', opening, linkSync",
      replace: "'damaged', opening, linkSync === undefined ? linkSync : renameSync",
    },
    test: ['damage', 'keeps what it can read even if it cannot be rewritten at once'],
  },
  {
    what: "another host's journal is refused",
    edit: { within: 'takeUp', find: 'header.host !== identity.hostId)', replace: 'header.host === undefined)' },
    test: ['damage', 'is refused when it belongs to another host, and left unchanged'],
  },
  {
    what: "another incarnation's journal is set aside",
    edit: {
      within: 'takeUp',
      find: 'header.incarnation !== identity.incarnation)',
      replace: 'header.incarnation === undefined)',
    },
    test: ['damage', 'is set aside when it belongs to another incarnation, and never replayed'],
  },
  {
    what: 'the journal of a newer Berth is refused',
    edit: { within: 'takeUp', find: "!('host' in header)", replace: "!('version' in header)" },
    test: ['damage', 'is refused when a newer Berth has written it, and left unchanged'],
  },
  {
    what: 'a dead letter is flushed',
    edit: { within: 'DeadLetters.#append', find: '      this.#disk.sync(descriptor);\n', replace: '' },
    test: ['journal', 'is flushed, and so is its name'],
  },
  {
    what: 'half a dead letter is cut back',
    edit: { within: 'DeadLetters.#append', find: '      this.#disk.truncate(descriptor, size);\n', replace: '' },
    test: ['journal', 'stays an entry when it cannot be written, and leaves no partial line'],
  },
  {
    what: 'dead letters are bounded',
    edit: { within: 'DeadLetters.add', find: '    if (size > this.#maxBytes) this.#turnOver();\n', replace: '' },
    test: ['journal', 'replaces the oldest ones when two files are full'],
  },
  {
    what: 'nothing is written after the journal is closed',
    edit: {
      within: 'Journal.release',
      find: '    this.#refuseClosed();\n    const isKept',
      replace: '    const isKept',
    },
    test: ['journal', 'stays closed'],
  },
];
