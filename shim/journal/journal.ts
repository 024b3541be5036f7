/**
 * The calls that this host has begun and those that have not reached the cloud yet, kept across crashes. Each step is
 * written before it is taken: a call before it is sent, a result before dockerd is answered, a release before it is tried.
 */
import path from 'node:path';
import * as v from 'valibot';
import { messageOf } from '../error-message.ts';
import { DeadLetters, type Letter } from './dead-letters.ts';
import { JournalError, unwritable } from './errors.ts';
import { GroupCommit } from './group-commit.ts';
import { LogFile } from './log-file.ts';
import { type Entry, type OpenCalls, recordOf, sizeOf } from './open-calls.ts';
import { takeUp } from './opening.ts';
import { type JournalOptions, type JournalStats, type Settings, settingsOf } from './options.ts';
import {
  type Identity,
  type JournalRecord,
  type KeptCall,
  encodeHeader,
  encodeRecord,
  keptCall,
  seedOf,
} from './records.ts';

export type { Letter } from './dead-letters.ts';
export { JournalError } from './errors.ts';
export type { Entry } from './open-calls.ts';
export type { JournalOptions, JournalStats } from './options.ts';
export type { Identity, KeptCall } from './records.ts';

/** Why the shim does not undo a call without a known result. */
const IN_DOUBT = 'its result may be lost (power loss or damage): only Docker knows whether the answer is in use';

export class Journal {
  readonly #folder: string;
  readonly #identity: Identity;
  readonly #settings: Settings;
  readonly #open: OpenCalls;
  readonly #file: LogFile;
  readonly #deadLetters: DeadLetters;
  readonly #commits = new GroupCommit(() => this.#flush());
  #failing: string | undefined;
  #noCompactionBelow = 0;
  #isClosed = false;

  private constructor(folder: string, identity: Identity, settings: Settings, open: OpenCalls) {
    this.#folder = folder;
    this.#identity = identity;
    this.#settings = settings;
    this.#open = open;
    this.#file = new LogFile(path.join(folder, 'journal'), settings.disk);
    this.#deadLetters = new DeadLetters(folder, settings.disk, settings.maxDeadLetterBytes);
  }

  /**
   * Takes up what an earlier run left. A call that was begun and has no result was not answered, and is settled with
   * nothing kept. If its result may be lost, by a power loss or damage, it goes to the dead letters instead.
   *
   * The journal opens even if the disk is full; the write is then repeated before the next record.
   *
   * @throws UserError when the file belongs to another host or to a newer Berth.
   */
  static open(folder: string, identity: Identity, options: JournalOptions): Journal {
    const settings = settingsOf(options);
    const { open, doubtful, size } = takeUp(path.join(folder, 'journal'), identity, settings);
    const journal = new Journal(folder, identity, settings, open);
    for (const entry of doubtful) journal.#letGo(entry);
    journal.#tryTo(() => {
      if (size === undefined) journal.#rewrite();
      else journal.#file.takeOver(size);
    });
    return journal;
  }

  /**
   * Call it before a call is sent. Once it returns, the record survives the process.
   *
   * @throws JournalError when it cannot be written, or too many calls wait: the call must not be sent then.
   */
  begin(call: KeptCall): void {
    this.#add('begin', call, this.#settings.maxBytes);
  }

  /**
   * Call it before dockerd is answered.
   *
   * @param result `keep`: the PoolID or bare address of the answer, `undefined` when it is an error. `settle`: an attempt
   * was not answered, so it may have left something behind; without `settle` the call is over.
   * @throws JournalError when it cannot be written: the call stays begun, and dockerd must not get a success, since the
   * next start would undo it. Answer an error, and settle with nothing kept.
   */
  result(key: string, { keep, settle }: { readonly keep: string | undefined; readonly settle: boolean }): void {
    if (this.#open.get(key)?.kind === 'begun') this.#record({ kind: 'result', key, keep, settle });
  }

  /**
   * Resolves when the release is on the disk. May be called again for the same release.
   *
   * Rejects with a JournalError. If the release is among the entries then, it is kept and tried only as long as this
   * process lives; otherwise it is not kept at all.
   */
  async release(call: KeptCall): Promise<void> {
    this.#refuseClosed();
    const isKept = this.#open.get(call.key)?.kind === 'release';
    if (!isKept) this.#add('release', call, 2 * this.#settings.maxBytes);
    await this.#commits.join();
  }

  /** The kept answer of a call that is being settled has been released. @throws JournalError, and nothing changes. */
  keepNothing(key: string): void {
    const entry = this.#open.get(key);
    if (entry?.kind === 'settle' && entry.keep !== undefined) this.#record({ kind: 'keepNothing', key });
  }

  /** The release is confirmed, or the settlement carried out. @throws JournalError, and the entry stays: call it again. */
  done(key: string): void {
    if (this.#open.get(key) !== undefined) this.#record({ kind: 'done', key });
  }

  /** The cloud refuses it for good. @throws JournalError, and the entry stays. */
  deadLetter(key: string, reason: string): void {
    const entry = this.#open.get(key);
    if (entry === undefined) return;
    this.#bury(entry, reason);
    this.done(key);
  }

  /** The calls that were given up, the oldest first. */
  letters(): Letter[] {
    return this.#deadLetters.list();
  }

  /** Removes letters by the keys of their calls, or all of them. @returns how many. @throws JournalError, and nothing changes. */
  dropLetters(keys: ReadonlySet<string> | 'all'): number {
    let dropped = 0;
    this.#attempt(() => {
      dropped = this.#deadLetters.remove(keys);
    });
    return dropped;
  }

  find(key: string): Entry | undefined {
    return this.#open.get(key);
  }

  /** The open ones, in order of arrival. */
  entries(): Entry[] {
    return this.#open.entries();
  }

  get stats(): JournalStats {
    const { depth, bytes, oldest } = this.#open;
    return {
      depth,
      bytes,
      oldest: oldest === undefined ? undefined : parseInt(oldest.call.key.slice(0, 9), 36),
      deadLetters: this.#deadLetters.count,
      failing: this.#failing,
    };
  }

  /** Resolves when every pending release is on the disk or has been rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#commits.idle();
    this.#file.close();
  }

  #add(kind: 'begin' | 'release', given: KeptCall, maxBytes: number): void {
    const call = v.parse(keptCall, given);
    if (this.#open.get(call.key) !== undefined) throw new Error(`the call ${call.key} is in the journal already`);
    const { depth, bytes } = this.#open;
    if (bytes + sizeOf({ kind: 'release', call }) > maxBytes) {
      const what = `${depth} calls wait for the cloud (${bytes} bytes in ${this.#folder})`;
      throw new JournalError(`${what}; Berth accepts no more calls until the cloud answers`);
    }
    this.#record({ kind, call });
  }

  /** Nothing changes unless the record is written. */
  #record(record: JournalRecord): void {
    this.#attempt(() => {
      if (!this.#file.isSound) this.#rewrite();
      this.#file.append(encodeRecord(record, seedOf(this.#identity)));
    });
    this.#open.apply(record);
    this.#compactIfDue();
  }

  /** A compaction that fails does no harm: the existing file stays in use. */
  #compactIfDue(): void {
    if (this.#file.size <= Math.max(this.#settings.compactAt, 2 * this.#open.bytes, this.#noCompactionBelow)) return;
    this.#tryTo(() => {
      this.#rewrite();
    });
  }

  #tryTo(write: () => void): void {
    try {
      this.#attempt(write);
    } catch (error) {
      this.#noCompactionBelow = this.#file.size + this.#settings.compactAt;
      this.#settings.warn(messageOf(error));
    }
  }

  #rewrite(): void {
    const seed = seedOf(this.#identity);
    const header = encodeHeader(this.#identity, this.#settings.boot);
    const lines = this.#open.entries().map((entry) => encodeRecord(recordOf(entry), seed));
    this.#file.replace(Buffer.concat([header, ...lines]));
    this.#noCompactionBelow = 0;
  }

  async #flush(): Promise<void> {
    try {
      if (this.#file.isSound) await this.#file.sync();
      else this.#rewrite();
      this.#failing = undefined;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** If even the dead letters cannot be written, the log contains the call. */
  #letGo(entry: Entry): void {
    const { warn } = this.#settings;
    try {
      this.#bury(entry, IN_DOUBT);
      warn(`the call ${entry.call.key} is put into the dead letters: ${IN_DOUBT}`);
    } catch (error) {
      warn(`${messageOf(error)}; not in the dead letters: ${JSON.stringify(entry.call)}: ${IN_DOUBT}`);
    }
  }

  #bury(entry: Entry, reason: string): void {
    this.#attempt(() => {
      this.#deadLetters.add(this.#settings.now(), reason, entry);
    });
  }

  #attempt(write: () => void): void {
    this.#refuseClosed();
    try {
      write();
      this.#failing = undefined;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #refuseClosed(): void {
    if (this.#isClosed) throw new JournalError(`the journal in ${this.#folder} is closed`);
  }

  #failed(error: unknown): JournalError {
    const failure = unwritable(this.#folder, error);
    this.#failing = failure.message;
    return failure;
  }
}
