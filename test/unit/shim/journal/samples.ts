/** Calls, journals and their expected content, for the tests of the journal. */
import type { TestContext } from 'node:test';
import { type Disk, realDisk } from '../../../../shim/journal/disk.ts';
import { type Entry, Journal, type JournalOptions, type KeptCall } from '../../../../shim/journal/journal.ts';
import { temporaryFolder } from '../temporary.ts';

export const START = Date.UTC(2026, 0, 1);
export const identity = { hostId: 'host-1', incarnation: 'nonce-1' };

const METHODS = ['RequestAddress', 'RequestPool', 'ReleaseAddress', 'ReleasePool'] as const;

/** The n-th call of a host, a millisecond after the one before. */
export const sampleCall = (n: number, body = `{"PoolID":"Zürich ${n}","Address":"10.0.0.${n % 256}"}\n`): KeptCall => ({
  key: `${(START + n).toString(36).padStart(9, '0')}abcd`,
  driver: n % 3 === 0 ? 'berth-ipvlan' : 'berth',
  method: METHODS[n % METHODS.length] ?? 'RequestPool',
  body,
});

export interface Opened {
  readonly journal: Journal;
  readonly warnings: readonly string[];
}

/** In one and the same run of the system, unless another is given. */
export function openJournal(folder: string, options: Partial<JournalOptions> = {}, who = identity): Opened {
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
  };
  return { journal: Journal.open(folder, who, { warn, now: () => START, boot: 'boot-1', ...options }), warnings };
}

/** A new one, in a folder of its own. */
export async function newJournal(
  t: TestContext,
  options: Partial<JournalOptions> = {},
): Promise<Opened & { readonly folder: string }> {
  const folder = await temporaryFolder(t);
  return { folder, ...openJournal(folder, options) };
}

/** Skips flushes, in tests without a power loss. */
export const quickDisk: Disk = {
  ...realDisk,
  sync: () => undefined,
  syncData: () => Promise.resolve(),
  syncFolder: () => undefined,
};

export type Command =
  | { readonly kind: 'begin' | 'release' | 'keepNothing' | 'done' | 'deadLetter'; readonly n: number }
  | { readonly kind: 'result'; readonly n: number; readonly keep: string | undefined; readonly settle: boolean };

export async function run(journal: Journal, command: Command): Promise<void> {
  const call = sampleCall(command.n);
  switch (command.kind) {
    case 'begin':
      journal.begin(call);
      return;
    case 'release':
      await journal.release(call);
      return;
    case 'result':
      journal.result(call.key, command);
      return;
    case 'keepNothing':
      journal.keepNothing(call.key);
      return;
    case 'done':
      journal.done(call.key);
      return;
    case 'deadLetter':
      journal.deadLetter(call.key, 'refused');
  }
}

/** What a journal should hold, as plain lists. `undefined`: the command is an error of its caller. */
export function expectedAfter(open: readonly Entry[], command: Command): readonly Entry[] | undefined {
  const call = sampleCall(command.n);
  const change = (to: (entry: Entry) => Entry[]): Entry[] =>
    open.flatMap((entry) => (entry.call.key === call.key ? to(entry) : [entry]));
  const standing = open.find((entry) => entry.call.key === call.key);
  switch (command.kind) {
    case 'begin':
      return standing === undefined ? [...open, { kind: 'begun', call }] : undefined;
    case 'release':
      if (standing?.kind === 'release') return open;
      return standing === undefined ? [...open, { kind: 'release', call }] : undefined;
    case 'result': {
      const { keep, settle } = command;
      return change((entry) => (entry.kind !== 'begun' ? [entry] : settle ? [{ kind: 'settle', call, keep }] : []));
    }
    case 'keepNothing':
      return change((entry) => [entry.kind === 'settle' ? { kind: 'settle', call, keep: undefined } : entry]);
    case 'done':
    case 'deadLetter':
      return change(() => []);
  }
}

/** A begun call whose process has died is settled, with nothing kept. */
export const expectedAfterStart = (open: readonly Entry[]): Entry[] =>
  open.map((entry) => (entry.kind === 'begun' ? { kind: 'settle', call: entry.call, keep: undefined } : entry));

/** A small history in which everything happens. */
export const history: readonly Command[] = [
  { kind: 'begin', n: 1 },
  { kind: 'release', n: 2 },
  { kind: 'begin', n: 3 },
  { kind: 'result', n: 1, keep: undefined, settle: true },
  { kind: 'result', n: 3, keep: '10.0.0.3', settle: true },
  { kind: 'begin', n: 4 },
  { kind: 'result', n: 4, keep: '10.0.0.4', settle: false },
  { kind: 'release', n: 5 },
  { kind: 'begin', n: 6 },
  { kind: 'done', n: 2 },
  { kind: 'keepNothing', n: 3 },
  { kind: 'begin', n: 7 },
  { kind: 'release', n: 8 },
];
