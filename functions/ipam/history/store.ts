/** The ports of history: the stream of the table's changes, and the table of its own. */
import type { Entry, TableChange } from './entry.ts';

/** How far a shard of the stream was read. */
export interface Position {
  /** The last sequence number that was read. `undefined`: none yet. */
  readonly after: string | undefined;
  /** It is closed, and read to its end. */
  readonly isDone: boolean;
}

export interface Shard {
  readonly id: string;
  readonly parent: string | undefined;
}

/** The stream as it is now. */
export interface Stream {
  /** Another name is another stream, which says nothing of what happened before it. */
  readonly name: string;
  readonly shards: readonly Shard[];
}

export interface ShardPage {
  readonly changes: readonly TableChange[];
  /** Goes on after this page. `undefined`: the shard is closed, and this was its end. */
  readonly next: string | undefined;
  /** The last sequence number of this page. */
  readonly last: string | undefined;
}

export interface ChangeStream {
  /** @returns `undefined`: the table has no stream. */
  describe(): Promise<Stream | undefined>;
  /** Where to begin in a shard. @returns `undefined`: the stream no longer holds that part. */
  begin(stream: string, shard: string, after: string | undefined): Promise<string | undefined>;
  /** @returns `undefined`: the stream no longer holds that part. */
  read(place: string): Promise<ShardPage | undefined>;
}

/** A time in which history misses nothing: from `since` to `until` (ms), both by the table's clock. */
export interface Epoch {
  readonly epoch: number;
  /** `undefined`: it has no base yet, so nothing is known of it. */
  readonly since: number | undefined;
  readonly until: number;
}

export interface HistoryCursor extends Epoch {
  /** The last run that was committed: ms, and larger than those before. */
  readonly run: number;
  readonly stream: string;
  readonly positions: Readonly<Record<string, Position>>;
  /** Bytes of the last base, and of what was written since. */
  readonly baseBytes: number;
  readonly bytes: number;
  /** The run of the last base. 0: none. */
  readonly baseRun: number;
  /** Why the epoch before has ended. '': there was none. */
  readonly gap: string;
  readonly rev: string;
}

/** What a walk over the whole table found. */
export interface Base {
  readonly epoch: number;
  /** Entries of later runs than this go on from it. */
  readonly run: number;
  /** Names its parts. */
  readonly name: string;
  /** ms: when the walk had ended. It knows the state of each item at some time before. */
  readonly end: number;
}

export interface Log {
  readonly epoch: number;
  readonly run: number;
  /** ms: until when everything had been read before this run. */
  readonly before: number;
  readonly entries: readonly Entry[];
}

export interface HistoryStore {
  readCursor(): Promise<HistoryCursor | undefined>;
  /** Conditional on the cursor that was seen. @returns `false`: another run has moved it. */
  moveCursor(seen: HistoryCursor | undefined, next: HistoryCursor): Promise<boolean>;
  /** A closed epoch. Unconditional: what it says does not change. */
  putEpoch(epoch: Epoch): Promise<void>;
  /** Closed epochs, newest first. */
  epochs(): Promise<readonly Epoch[]>;
  /** @param attempt makes the item its own: two attempts of one run do not overwrite each other. @returns bytes. */
  putLog(shelf: string, log: Log, attempt: string): Promise<number>;
  /** The logs of a shelf of later runs than `after`, in order. */
  logs(shelf: string, after: number): AsyncIterable<Log>;
  /** A part of a base. @returns bytes. */
  putPart(base: string, shelf: string, part: number, entries: readonly Entry[]): Promise<number>;
  parts(base: string, shelf: string): AsyncIterable<readonly Entry[]>;
  /** Once all its parts are written. */
  putBase(base: Base): Promise<void>;
  /** Bases of an epoch that ended no later than `end`, newest first. */
  baseBefore(epoch: number, end: number): Promise<Base | undefined>;
}
