/** What the journal asks of the disk, in one place, so that tests can let each of it fail. */
import { closeSync, fdatasync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { syncFolder } from '../files.ts';

export interface Disk {
  /** Adds to the end. @returns how many bytes it took: fewer than it was given, where space runs out. */
  readonly write: (descriptor: number, bytes: Uint8Array) => number;
  readonly truncate: (descriptor: number, length: number) => void;
  readonly sync: (descriptor: number) => void;
  /** Beside the event loop, since others may be served meanwhile. */
  readonly syncData: (descriptor: number) => Promise<void>;
  /** Opens a file that only grows, for its owner alone; creates it where there is none. */
  readonly open: (file: string) => number;
  readonly rename: (from: string, to: string) => void;
  readonly remove: (file: string) => void;
  /** Names in a folder outlive a power loss only when they were flushed too. */
  readonly syncFolder: (folder: string) => void;
  readonly close: (descriptor: number) => void;
}

export const realDisk: Disk = {
  write: (descriptor, bytes) => writeSync(descriptor, bytes),
  truncate: ftruncateSync,
  sync: fsyncSync,
  syncData: promisify(fdatasync),
  open: (file) => openSync(file, 'a', 0o600),
  rename: renameSync,
  remove: (file) => {
    rmSync(file, { force: true });
  },
  syncFolder,
  close: closeSync,
};

/** A disk takes a long text in pieces. */
export function writeAll(disk: Disk, descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += disk.write(descriptor, bytes.subarray(at));
}
