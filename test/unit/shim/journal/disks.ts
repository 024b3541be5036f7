/** Disks that fail: on request, or in a power loss. */
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Disk, realDisk } from '../../../../shim/journal/disk.ts';

/**
 * @param before is called before every operation, and makes it fail by throwing. A write that fails has written half.
 */
export function watchedDisk(before: (operation: keyof Disk) => void, disk: Disk = realDisk): Disk {
  return {
    write: (descriptor, bytes) => {
      try {
        before('write');
      } catch (error) {
        disk.write(descriptor, bytes.subarray(0, bytes.length >> 1));
        throw error;
      }
      return disk.write(descriptor, bytes);
    },
    syncData: async (descriptor) => {
      before('syncData');
      await disk.syncData(descriptor);
    },
    truncate: (descriptor, length) => {
      before('truncate');
      disk.truncate(descriptor, length);
    },
    sync: (descriptor) => {
      before('sync');
      disk.sync(descriptor);
    },
    open: (file) => {
      before('open');
      return disk.open(file);
    },
    rename: (from, to) => {
      before('rename');
      disk.rename(from, to);
    },
    remove: (file) => {
      before('remove');
      disk.remove(file);
    },
    syncFolder: (folder) => {
      before('syncFolder');
      disk.syncFolder(folder);
    },
    close: (descriptor) => {
      disk.close(descriptor);
    },
  };
}

export function failure(code: string): Error {
  return Object.assign(new Error(`${code}: told to fail`), { code });
}

/** A disk whose operations fail for as long as they are in the set. */
export function failingDisk(operations: ReadonlySet<keyof Disk>, code = 'ENOSPC'): Disk {
  return watchedDisk((operation) => {
    if (operations.has(operation)) throw failure(code);
  });
}

interface FileState {
  flushed: Buffer;
}

/** What a power loss leaves: a part of the unflushed bytes, and perhaps names that were not flushed either. */
export interface Loss {
  /** 0 to 1: the part that is left of what was added since the last flush. */
  readonly portion: number;
  readonly keepsNames: boolean;
}

/** Remembers which bytes and names were flushed, to simulate a power loss. */
export class PowerLossDisk implements Disk {
  #names = new Map<string, FileState>();
  #flushedNames = new Map<string, FileState>();
  readonly #files = new Map<number, FileState>();
  #isLost = false;

  write(descriptor: number, bytes: Uint8Array): number {
    this.#check();
    return realDisk.write(descriptor, bytes);
  }

  truncate(descriptor: number, length: number): void {
    this.#check();
    realDisk.truncate(descriptor, length);
  }

  sync(descriptor: number): void {
    this.#check();
    this.#file(descriptor).flushed = contentsOf(descriptor);
  }

  async syncData(descriptor: number): Promise<void> {
    this.#check();
    const contents = contentsOf(descriptor);
    await new Promise((resolve) => setImmediate(resolve));
    this.#check();
    this.#file(descriptor).flushed = contents;
  }

  open(file: string): number {
    this.#check();
    const descriptor = realDisk.open(file);
    const state = this.#names.get(file) ?? { flushed: Buffer.alloc(0) };
    this.#names.set(file, state);
    this.#files.set(descriptor, state);
    return descriptor;
  }

  rename(from: string, to: string): void {
    this.#check();
    realDisk.rename(from, to);
    const state = this.#names.get(from);
    if (state !== undefined) this.#names.set(to, state);
    this.#names.delete(from);
  }

  remove(file: string): void {
    this.#check();
    realDisk.remove(file);
    this.#names.delete(file);
  }

  syncFolder(): void {
    this.#check();
    this.#flushedNames = new Map(this.#names);
  }

  close(descriptor: number): void {
    this.#files.delete(descriptor);
    realDisk.close(descriptor);
  }

  /** Every use of this disk fails from now on. @returns the disk of the next run of the system. */
  lose(folder: string, { portion, keepsNames }: Loss): PowerLossDisk {
    this.#isLost = true;
    const names = keepsNames ? this.#names : this.#flushedNames;
    const left = new Map<string, Buffer>();
    for (const [file, state] of names) {
      const isNamed = this.#names.get(file) === state;
      const added = isNamed ? readFileSync(file).subarray(state.flushed.length) : Buffer.alloc(0);
      left.set(file, Buffer.concat([state.flushed, added.subarray(0, Math.floor(added.length * portion))]));
    }
    for (const name of readdirSync(folder)) rmSync(path.join(folder, name));
    const next = new PowerLossDisk();
    for (const [file, contents] of left) {
      writeFileSync(file, contents);
      next.#names.set(file, { flushed: contents });
    }
    next.#flushedNames = new Map(next.#names);
    return next;
  }

  #file(descriptor: number): FileState {
    const state = this.#files.get(descriptor);
    if (state === undefined) throw new Error(`descriptor ${descriptor} is closed`);
    return state;
  }

  #check(): void {
    if (this.#isLost) throw failure('EIO');
  }
}

const contentsOf = (descriptor: number): Buffer => readFileSync(`/proc/self/fd/${descriptor}`);
