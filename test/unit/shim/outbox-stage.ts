/** An outbox and a cloud that a test controls, with a real journal on a disk that may fail, and steered time. */
import type { TestContext } from 'node:test';
import type { Verdict } from '../../../shim/cloud/verdict.ts';
import type { Disk } from '../../../shim/journal/disk.ts';
import type { Journal, KeptCall } from '../../../shim/journal/journal.ts';
import { type Fate, Outbox } from '../../../shim/outbox/outbox.ts';
import { limit } from '../../support/deadlines.ts';
import { failure, watchedDisk } from './journal/disks.ts';
import { openJournal, quickDisk } from './journal/samples.ts';
import { Cloud, testLog } from './stand-ins.ts';
import { SteeredTime } from './steered-time.ts';
import { temporaryFolder } from './temporary.ts';

/** ms, for tests that would wait forever if something is wrong. */
export const TIMEOUT = limit(20_000);

/** ms after which no attempt can take effect any more. */
export const BOUND = 1_000;

export interface OutboxStage {
  readonly folder: string;
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly cloud: Cloud;
  readonly time: SteeredTime;
  readonly log: ReturnType<typeof testLog>;
  /** The operations that fail on the disk. */
  readonly failing: Set<keyof Disk>;
  /** Records a release, and passes it to the outbox. */
  readonly release: (call: KeptCall) => Promise<Fate>;
  /** Settles a call for which dockerd received `keep`. */
  readonly settle: (call: KeptCall, keep?: string) => void;
}

export interface OutboxWish {
  /** What the cloud returns at once. */
  readonly always?: Verdict;
  readonly ready?: Promise<unknown>;
  /** The folder of an earlier run. */
  readonly folder?: string;
}

export async function outboxStage(t: TestContext, wish: OutboxWish = {}): Promise<OutboxStage> {
  const folder = wish.folder ?? (await temporaryFolder(t));
  const failing = new Set<keyof Disk>();
  const disk = watchedDisk((operation) => {
    if (failing.has(operation)) throw failure('ENOSPC');
  }, quickDisk);
  const { journal } = openJournal(folder, { disk });
  const [cloud, time, log] = [new Cloud(wish.always), new SteeredTime(1), testLog()];
  const ready = wish.ready ?? Promise.resolve();
  const outbox = new Outbox({ journal, sender: cloud, log, ready, inFlightBound: BOUND, time });
  const end = async (): Promise<void> => {
    cloud.end();
    await outbox.stop();
  };
  t.after(end, { timeout: TIMEOUT });
  const release = async (call: KeptCall): Promise<Fate> => {
    await journal.release(call);
    return outbox.release(call);
  };
  const settle = (call: KeptCall, keep?: string): void => {
    journal.begin(call);
    journal.result(call.key, { keep, settle: true });
    outbox.settle(call);
  };
  return { folder, journal, outbox, cloud, time, log, failing, release, settle };
}

/** Ends the run of a stage; another may follow in its folder. */
export async function endRun({ cloud, outbox, journal }: OutboxStage): Promise<void> {
  cloud.end();
  await outbox.stop();
  await journal.close();
}

export const openKeys = (journal: Journal): string[] => journal.entries().map(({ call }) => call.key);
