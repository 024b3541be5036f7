/** Options and statistics of a journal. */
import { readIfThere } from '../files.ts';
import { type Disk, realDisk } from './disk.ts';

export interface JournalOptions {
  /** Receives what could not be read, or could not be written at the opening. */
  readonly warn: (message: string) => void;
  /** Of open entries. New calls are accepted up to this size, releases up to twice of it. */
  readonly maxBytes?: number;
  /** Of the file: beyond this size, and beyond twice the open entries, the file is rewritten. */
  readonly compactAt?: number;
  readonly maxDeadLetterBytes?: number;
  /** ms */
  readonly now?: () => number;
  /** The id of this boot of the system; by default, the kernel's boot id. */
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
  /** Open entries, and the bytes that they take (approximately). */
  readonly depth: number;
  readonly bytes: number;
  /** ms since 1970, when the oldest open call came. */
  readonly oldest: number | undefined;
  /** Those still on the disk. */
  readonly deadLetters: number;
  /** Why the journal cannot be written. `undefined`: it can. */
  readonly failing: string | undefined;
}
