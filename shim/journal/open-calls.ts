/** The open calls: the result of applying the journal's records in order. */
import type { JournalRecord, KeptCall } from './records.ts';

export type Entry =
  /** Sent or about to be; no result is known. */
  | { readonly kind: 'begun'; readonly call: KeptCall }
  /**
   * An attempt's fate is unknown: all that the call left behind must be undone, except for `keep`, the PoolID or bare
   * address in dockerd's answer.
   */
  | { readonly kind: 'settle'; readonly call: KeptCall; readonly keep: string | undefined }
  /** A release that the cloud has not confirmed. */
  | { readonly kind: 'release'; readonly call: KeptCall };

interface Sized {
  readonly entry: Entry;
  readonly bytes: number;
}

export class OpenCalls {
  /** In order of arrival; an entry that changes keeps its place. */
  readonly #calls = new Map<string, Sized>();
  #bytes = 0;

  get depth(): number {
    return this.#calls.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Entry | undefined {
    return this.#calls.get(key)?.entry;
  }

  entries(): Entry[] {
    return [...this.#calls.values()].map(({ entry }) => entry);
  }

  get oldest(): Entry | undefined {
    const [first] = this.#calls.values();
    return first?.entry;
  }

  /** Ignores a record about a call that is not open, or is in another state. */
  apply(record: JournalRecord): void {
    switch (record.kind) {
      case 'begin':
        this.#set({ kind: 'begun', call: record.call });
        return;
      case 'release':
        this.#set({ kind: 'release', call: record.call });
        return;
      case 'settle':
        this.#set({ kind: 'settle', call: record.call, keep: record.keep });
        return;
      case 'result':
        this.#conclude(record.key, record);
        return;
      case 'keepNothing':
        this.#keepNothing(record.key);
        return;
      case 'done':
        this.#end(record.key);
    }
  }

  #conclude(key: string, { keep, settle }: { keep?: string | undefined; settle: boolean }): void {
    const entry = this.get(key);
    if (entry?.kind !== 'begun') return;
    if (settle) this.#set({ kind: 'settle', call: entry.call, keep });
    else this.#end(key);
  }

  #keepNothing(key: string): void {
    const entry = this.get(key);
    if (entry?.kind === 'settle') this.#set({ ...entry, keep: undefined });
  }

  #set(entry: Entry): void {
    const { key } = entry.call;
    const bytes = sizeOf(entry);
    this.#bytes += bytes - (this.#calls.get(key)?.bytes ?? 0);
    this.#calls.set(key, { entry, bytes });
  }

  #end(key: string): void {
    this.#bytes -= this.#calls.get(key)?.bytes ?? 0;
    this.#calls.delete(key);
  }
}

/** The record of an entry in a rewritten file. */
export function recordOf(entry: Entry): JournalRecord {
  return entry.kind === 'begun' ? { kind: 'begin', call: entry.call } : entry;
}

/** The approximate size of an entry in the file, in bytes. */
export const sizeOf = (entry: Entry): number => Buffer.byteLength(JSON.stringify(recordOf(entry)));
