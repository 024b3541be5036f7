/** The entries that were refused for good, kept for operators to read: one JSON per line, in at most two files. */
import { existsSync, fstatSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { type Disk, writeAll } from './disk.ts';
import type { Entry } from './open-calls.ts';
import { keptCall } from './records.ts';

const MAX_REASON_LENGTH = 2_000;

const letter = v.object({
  at: v.string(),
  reason: v.string(),
  kind: v.picklist(['begun', 'settle', 'release']),
  call: keptCall,
});
/** A call that was given up, and why. Its key tells it from others. */
export type Letter = Readonly<v.InferOutput<typeof letter>>;

export class DeadLetters {
  readonly #folder: string;
  readonly #file: string;
  readonly #older: string;
  readonly #disk: Disk;
  readonly #maxBytes: number;
  #count: number;
  /** A crash may have left half a line, and the next line must not be appended to it. */
  #isTorn: boolean;

  /** @param maxBytes of one file; one older file is kept as well. */
  constructor(folder: string, disk: Disk, maxBytes: number) {
    this.#folder = folder;
    this.#file = path.join(folder, 'dead-letters');
    this.#older = `${this.#file}.1`;
    this.#disk = disk;
    this.#maxBytes = maxBytes;
    const text = textOf(this.#file);
    this.#isTorn = text !== '' && !text.endsWith('\n');
    this.#count = countLines(text) + countLines(textOf(this.#older));
  }

  /** Those still on the disk. */
  get count(): number {
    return this.#count;
  }

  /** Those still on the disk, the oldest first. A line that cannot be read is left out. */
  list(): Letter[] {
    return this.#lines().flatMap((line) => {
      const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), letter), line);
      return parsed.success ? [parsed.output] : [];
    });
  }

  /**
   * Removes the letters with these keys, or all, with what cannot be read. Throws, and removes nothing, when the disk fails.
   *
   * @returns how many were removed.
   */
  remove(keys: ReadonlySet<string> | 'all'): number {
    const lines = this.#lines();
    const kept = keys === 'all' ? [] : lines.filter((line) => !keys.has(keyOf(line)));
    if (kept.length === lines.length) return 0;
    const fresh = `${this.#file}.new`;
    this.#disk.remove(fresh);
    const descriptor = this.#disk.open(fresh);
    try {
      writeAll(this.#disk, descriptor, Buffer.from(kept.map((line) => `${line}\n`).join('')));
      this.#disk.sync(descriptor);
    } finally {
      this.#disk.close(descriptor);
    }
    // Between the two steps a letter may stand in both files: that is better than in none.
    this.#disk.rename(fresh, this.#file);
    this.#disk.remove(this.#older);
    this.#disk.syncFolder(this.#folder);
    this.#isTorn = false;
    this.#count = kept.length;
    return lines.length - kept.length;
  }

  #lines(): string[] {
    const all = [this.#older, this.#file].map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : ''));
    return [...new Set(all.flatMap((text) => text.split('\n')))].filter((line) => line !== '');
  }

  /** The letter is on the disk when this returns. Throws, and leaves nothing behind, when it cannot be written. */
  add(at: number, reason: string, { kind, call }: Entry): void {
    const letter = { at: new Date(at).toISOString(), reason: reason.slice(0, MAX_REASON_LENGTH), kind, call };
    const size = this.#append(Buffer.from(`${this.#isTorn ? '\n' : ''}${JSON.stringify(letter)}\n`));
    this.#isTorn = false;
    this.#count++;
    if (size > this.#maxBytes) this.#turnOver();
    this.#disk.syncFolder(this.#folder);
  }

  /** @returns the size of the file then. */
  #append(line: Buffer): number {
    const descriptor = this.#disk.open(this.#file);
    const { size } = fstatSync(descriptor);
    try {
      writeAll(this.#disk, descriptor, line);
      this.#disk.sync(descriptor);
    } catch (error) {
      this.#disk.truncate(descriptor, size);
      throw error;
    } finally {
      this.#disk.close(descriptor);
    }
    return size + line.length;
  }

  #turnOver(): void {
    this.#disk.rename(this.#file, this.#older);
    this.#count = countLines(textOf(this.#older));
  }
}

const keyed = v.fallback(v.pipe(v.string(), v.parseJson(), v.object({ call: v.object({ key: v.string() }) })), {
  call: { key: '' },
});
const keyOf = (line: string): string => v.parse(keyed, line).call.key;

const textOf = (file: string): string => (existsSync(file) ? readFileSync(file, 'latin1') : '');
const countLines = (text: string): number => text.split('\n').length - 1;
