/** The disk operations of the journal, in one place, so that tests can make each of them fail. */
import { closeSync, fdatasync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { syncFolder } from '../files.ts';

export interface Disk {
  /** Appends. @returns how many bytes were written: fewer than given when space runs out. */
  readonly write: (descriptor: number, bytes: Uint8Array) => number;
  readonly truncate: (descriptor: number, length: number) => void;
  readonly sync: (descriptor: number) => void;
  /** Off the event loop, so that other calls are served in the meantime. */
  readonly syncData: (descriptor: number) => Promise<void>;
  /** Opens a file for appending, with access for its owner alone; creates it if it is missing. */
  readonly open: (file: string) => number;
  readonly rename: (from: string, to: string) => void;
  readonly remove: (file: string) => void;
  /** A file's name survives a power loss only if its folder was flushed, too. */
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

/** Repeats the write until all bytes are written. */
export function writeAll(disk: Disk, descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += disk.write(descriptor, bytes.subarray(at));
}
