/**
 * The numbers of this host's calls: `max(last + 1, own clock in ms)`, never the same twice and never smaller, across
 * restarts and whatever the clock does. They order two messages of one host.
 */
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { NONCE_WIDTH, SEQUENCE_WIDTH } from '../../protocol/request-key.ts';
import { readIfThere, writeDurably } from '../files.ts';
import { unwritable } from '../journal/errors.ts';
import { UserError } from '../user-error.ts';

/** Numbers are set aside for this long (ms) at a time, so that the disk is asked once a minute, not once a call. */
const SET_ASIDE = 60_000;
/** The year 4000. A clock that says more is wrong, and counts no further than to here. */
const MAX_CLOCK = Date.UTC(4000, 0);
/** What disk and cloud may say at most: the year 5000. The width holds 188 years more. */
const LARGEST = Date.UTC(5000, 0);

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
    if (!/^\d+\s*$/.test(text) || this.#last > LARGEST) {
      throw new UserError(`${this.#file} is damaged: ${JSON.stringify(text.slice(0, 40))} is not a number`);
    }
    this.#setAside = this.#last;
  }

  /** No number of this host may be as small as one that the cloud has seen, whatever has become of its disk. */
  raise(floor: string): void {
    this.#last = Math.max(this.#last, Math.min(parseInt(floor, 36), LARGEST));
  }

  /**
   * The key of a message that creates nothing. It is given even where the disk takes nothing any more, since Docker never
   * repeats a release. A later start may give its number again then, but only if the clock is put back as well.
   */
  keyAnyway(): string {
    try {
      return this.requestKey();
    } catch {
      return this.#key();
    }
  }

  /**
   * The key of one call of dockerd: its number, and four random characters that a rolled-back disk cannot repeat.
   *
   * @throws JournalError when the disk does not take the next numbers.
   */
  requestKey(): string {
    this.#last = Math.max(this.#last + 1, Math.min(this.#now(), MAX_CLOCK));
    if (this.#last > this.#setAside) {
      const setAside = this.#last + SET_ASIDE;
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
 * The key of a release that means one lease: the number after that of the request which it was given to. Every other lease
 * of that address was asked for before, and ended before that one began, or later.
 */
export const keyAfter = (requestKey: string): string => keyOf(parseInt(requestKey.slice(0, SEQUENCE_WIDTH), 36) + 1);

function keyOf(number: number): string {
  const nonce = Array.from({ length: NONCE_WIDTH }, () => randomInt(36).toString(36)).join('');
  return number.toString(36).padStart(SEQUENCE_WIDTH, '0') + nonce;
}
