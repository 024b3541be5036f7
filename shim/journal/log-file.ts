/**
 * A file of whole lines that only grows, until another takes its place. What an append leaves is all of it or nothing, and
 * what replaces the file is on the disk, whole, before it has the file's name.
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
   * Whether lines may be added. Not before the first `takeOver` or `replace`, and no more once the disk has failed in a way that leaves
   * unknown what it holds: after a flush that failed, the kernel takes lost pages for written ones, and a second flush
   * says nothing.
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
    // Whoever gave it its name may have been killed before that was flushed.
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

  /** Half a line in front of the next would spoil that one too. */
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
      // What was written of it takes space that somebody is short of.
      this.#disk.remove(temporary);
      throw error;
    }
  }

  /** A number that is closed under a flush could be another file's by then. */
  #retire(): void {
    if (this.#descriptor !== undefined && this.#descriptor !== this.#syncing) this.#disk.close(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** Resolves when all that was added before is on the disk, here or in the file that has taken this one's place. */
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
    if (this.#descriptor === undefined || !this.#isSound) throw new Error(`${this.#file} must be written anew first`);
    return this.#descriptor;
  }
}
