/**
 * The numbers of this host's calls: `max(last + 1, own clock in ms)`. They always grow, across restarts and whatever the
 * clock does, and so put the messages of one host in order.
 */
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { NONCE_WIDTH, SEQUENCE_WIDTH } from '../../protocol/request-key.ts';
import { readIfThere, writeDurably } from '../files.ts';
import { unwritable } from '../journal/errors.ts';
import { UserError } from '../user-error.ts';

/** Numbers are set aside for this long at a time, so that the disk is written once a minute and not at each call. */
const SET_ASIDE_MS = 60_000;
/** The year 4000. A clock beyond it is wrong, and counts only up to here. */
const MAX_CLOCK_MS = Date.UTC(4000, 0);
/** The largest number accepted from disk and cloud: the year 5000. The width holds 188 more years. */
const MAX_NUMBER_MS = Date.UTC(5000, 0);

export class Sequence {
  readonly #file: string;
  readonly #now: () => number;
  #last: number;
  /** Every number up to this one is set aside on disk. */
  #setAside: number;

  /** @throws UserError when the file on disk is damaged. */
  constructor(folder: string, now: () => number = Date.now) {
    this.#file = path.join(folder, 'sequence');
    this.#now = now;
    const text = readIfThere(this.#file) ?? '0';
    this.#last = Number(text);
    if (!/^\d+\s*$/.test(text) || this.#last > MAX_NUMBER_MS) {
      throw new UserError(`${this.#file} is damaged: ${JSON.stringify(text.slice(0, 40))} is not a number`);
    }
    this.#setAside = this.#last;
  }

  /** Every later number is larger than the one that the cloud has seen, whatever happened to the disk. */
  raise(floor: string): void {
    this.#last = Math.max(this.#last, Math.min(parseInt(floor, 36), MAX_NUMBER_MS));
  }

  /**
   * The key of a message that creates nothing. It works even when the disk cannot be written, since Docker never repeats a
   * release. A later start may then use the number again, but only if the clock is set back as well.
   */
  keyAnyway(): string {
    try {
      return this.requestKey();
    } catch {
      return this.#key();
    }
  }

  /**
   * The key of one call of dockerd: its number, and four random characters, which a restored disk cannot repeat.
   *
   * @throws JournalError when the next numbers cannot be set aside on the disk.
   */
  requestKey(): string {
    this.#last = Math.max(this.#last + 1, Math.min(this.#now(), MAX_CLOCK_MS));
    if (this.#last > this.#setAside) {
      const setAside = this.#last + SET_ASIDE_MS;
      try {
        writeDurably(this.#file, String(setAside));
      } catch (error) {
        throw unwritable(path.dirname(this.#file), error, 'sequence');
      }
      this.#setAside = setAside;
    }
    return this.#key();
  }

  #key(): string {
    return keyOf(this.#last);
  }
}

/**
 * The key of a release that means exactly one lease: the number after that of the lease's request. Every other lease of
 * that address was requested earlier, and had ended before this one began, or was requested later.
 */
export const keyAfter = (requestKey: string): string => keyOf(parseInt(requestKey.slice(0, SEQUENCE_WIDTH), 36) + 1);

function keyOf(number: number): string {
  const nonce = Array.from({ length: NONCE_WIDTH }, () => randomInt(36).toString(36)).join('');
  return number.toString(36).padStart(SEQUENCE_WIDTH, '0') + nonce;
}
