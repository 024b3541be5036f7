/** What an owner of a journal sets, and what it is told. */
import { readIfThere } from '../files.ts';
import { type Disk, realDisk } from './disk.ts';

export interface JournalOptions {
  /** Is told what could not be read, or not be written when it was opened. */
  readonly warn: (message: string) => void;
  /** Of open entries. Calls are begun up to this; releases are taken up to twice of it. */
  readonly maxBytes?: number;
  /** Of the file: beyond it, and twice what is open, the file is written anew. */
  readonly compactAt?: number;
  readonly maxDeadLetterBytes?: number;
  /** ms */
  readonly now?: () => number;
  /** Which run of the system this is: by default, what the kernel says. */
  readonly boot?: string | undefined;
  readonly disk?: Disk;
}

const DEFAULTS = {
  maxBytes: 33_554_432,
  compactAt: 1_048_576,
  maxDeadLetterBytes: 1_048_576,
  now: Date.now,
  disk: realDisk,
};

export type Settings = Required<JournalOptions>;

export const settingsOf = (options: JournalOptions): Settings => ({ ...DEFAULTS, boot: bootId(), ...options });

/** `undefined` where the system does not say. */
const bootId = (): string | undefined => readIfThere('/proc/sys/kernel/random/boot_id')?.trim();

export interface JournalStats {
  /** Open entries, and about what they take. */
  readonly depth: number;
  readonly bytes: number;
  /** ms since 1970, when the oldest open call came. */
  readonly oldest: number | undefined;
  /** Those still on the disk. */
  readonly deadLetters: number;
  /** Why it cannot be written, until it can. */
  readonly failing: string | undefined;
}
