/** The entries that were refused for good, kept for operators to read: one JSON per line, in at most two files. */
import { existsSync, fstatSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Disk, writeAll } from './disk.ts';
import type { Entry } from './open-calls.ts';

const MAX_REASON_LENGTH = 2_000;

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

const textOf = (file: string): string => (existsSync(file) ? readFileSync(file, 'latin1') : '');
const countLines = (text: string): number => text.split('\n').length - 1;
