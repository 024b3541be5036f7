/**
 * An append-only file of whole lines, which another file may replace. An append writes all of a line or nothing. A
 * replacement is completely on the disk before it gets the file's name.
 */
import path from 'node:path';
import { type Disk, writeAll } from './disk.ts';

export class LogFile {
  readonly #file: string;
  readonly #disk: Disk;
  #descriptor: number | undefined;
  #size = 0;
  #isSound = false;
  #syncing: number | undefined;

  constructor(file: string, disk: Disk) {
    this.#file = file;
    this.#disk = disk;
  }

  /**
   * Whether lines may be appended. Not before the first `takeOver` or `replace`, nor after a disk failure that leaves the
   * file's contents unknown: after a failed flush, the kernel treats lost pages as written, and a second flush succeeds.
   */
  get isSound(): boolean {
    return this.#isSound;
  }

  get size(): number {
    return this.#size;
  }

  /** Goes on with a file that was found whole. */
  takeOver(size: number): void {
    this.#descriptor = this.#disk.open(this.#file);
    this.#size = size;
    // The process that renamed the file may have been killed before that was flushed.
    this.#disk.syncFolder(path.dirname(this.#file));
    this.#isSound = true;
  }

  append(line: Uint8Array): void {
    const descriptor = this.#sound();
    try {
      writeAll(this.#disk, descriptor, line);
    } catch (error) {
      this.#cutBack(descriptor);
      throw error;
    }
    this.#size += line.length;
  }

  /** Removes half a line, which would make the next line unreadable, too. */
  #cutBack(descriptor: number): void {
    try {
      this.#disk.truncate(descriptor, this.#size);
    } catch {
      this.#isSound = false;
    }
  }

  /** Throws without a change, unless the last step fails: then the file is not sound. */
  replace(contents: Uint8Array): void {
    const descriptor = this.#prepare(contents);
    this.#retire();
    this.#descriptor = descriptor;
    this.#size = contents.length;
    this.#isSound = false;
    this.#disk.syncFolder(path.dirname(this.#file));
    this.#isSound = true;
  }

  #prepare(contents: Uint8Array): number {
    const temporary = `${this.#file}.new`;
    this.#disk.remove(temporary);
    const descriptor = this.#disk.open(temporary);
    try {
      writeAll(this.#disk, descriptor, contents);
      this.#disk.sync(descriptor);
      this.#disk.rename(temporary, this.#file);
      return descriptor;
    } catch (error) {
      this.#disk.close(descriptor);
      // The partial file takes space, of which there may be too little.
      this.#disk.remove(temporary);
      throw error;
    }
  }

  /** A descriptor that is being flushed stays open: once closed, its number could belong to another file. */
  #retire(): void {
    if (this.#descriptor !== undefined && this.#descriptor !== this.#syncing) this.#disk.close(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** Resolves when all lines appended before are on the disk, in this file or in the one that replaced it. */
  async sync(): Promise<void> {
    const descriptor = this.#sound();
    this.#syncing = descriptor;
    try {
      await this.#disk.syncData(descriptor);
    } catch (error) {
      const isReplaced = this.#descriptor !== descriptor && this.#isSound;
      if (!isReplaced) {
        this.#isSound = false;
        throw error;
      }
    } finally {
      this.#syncing = undefined;
      if (this.#descriptor !== descriptor) this.#disk.close(descriptor);
    }
  }

  close(): void {
    this.#retire();
    this.#isSound = false;
  }

  #sound(): number {
    if (this.#descriptor === undefined || !this.#isSound) throw new Error(`${this.#file} must be rewritten first`);
    return this.#descriptor;
  }
}
