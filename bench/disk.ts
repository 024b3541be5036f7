/** How long the disk under the journal takes by itself, and how many releases share one flush. */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Sequence } from '../shim/host/sequence.ts';
import { realDisk } from '../shim/journal/disk.ts';
import { Journal } from '../shim/journal/journal.ts';

/** By the type numbers of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlayfs',
  0x2fc12fc1: 'zfs',
};

export async function fileSystemOf(folder: string): Promise<string> {
  const { type } = await statfs(folder);
  return FILE_SYSTEMS[type] ?? `a file system of type 0x${type.toString(16)}`;
}

/** About as long as the journal's record of a release. */
const RECORD = Buffer.alloc(256, 'x');

/** ms that each append takes until it is on the disk, in the folder of temporary files. */
export async function flushTimes(count: number): Promise<number[]> {
  const file = path.join(os.tmpdir(), `berth-flush-${process.pid}`);
  const descriptor = openSync(file, 'ax');
  const times: number[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const began = performance.now();
      realDisk.write(descriptor, RECORD);
      await realDisk.syncData(descriptor);
      times.push(performance.now() - began);
    }
    return times;
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
}

export interface JournalCost {
  readonly inFlight: number;
  /** ms of each release until it is on the disk. */
  readonly times: number[];
  /** ms of all of them. */
  readonly elapsed: number;
  readonly flushes: number;
}

/** A journal by itself, with the given number of releases waiting for it at any time. */
export async function journalCost(count: number, inFlight: number): Promise<JournalCost> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'berth-'));
  let flushes = 0;
  const syncData = (descriptor: number): Promise<void> => {
    flushes++;
    return realDisk.syncData(descriptor);
  };
  const identity = { hostId: 'bench', incarnation: 'bench' };
  const journal = Journal.open(folder, identity, { warn: console.error, disk: { ...realDisk, syncData } });
  try {
    const began = performance.now();
    const times = await release(journal, new Sequence(folder), count, inFlight);
    return { inFlight, times, elapsed: performance.now() - began, flushes };
  } finally {
    await journal.close();
    rmSync(folder, { recursive: true });
  }
}

async function release(journal: Journal, sequence: Sequence, count: number, inFlight: number): Promise<number[]> {
  const times: number[] = [];
  // As long as a PoolID is.
  const body = `${JSON.stringify({ PoolID: 'x'.repeat(130), Address: '10.1.0.2' })}\n`;
  let left = count;
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const key = sequence.requestKey();
      const began = performance.now();
      await journal.release({ key, driver: 'berth', method: 'ReleaseAddress', body });
      times.push(performance.now() - began);
      journal.done(key);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  return times;
}
