/** Reads the journal of an earlier run, however that run ended and whatever damage the file has. */
import { type Entry, OpenCalls } from './open-calls.ts';
import { type Header, type Identity, type JournalRecord, decodeHeader, decodeRecord, seedOf } from './records.ts';

export interface Recovered {
  readonly open: OpenCalls;
  /** Begun calls whose result may be lost: dockerd may have the answer, so they may not be undone without asking it. */
  readonly doubtful: readonly Entry[];
  /** `torn`: its end is unreadable. `damaged`: so is a part before the end, or the header. */
  readonly harm: 'none' | 'torn' | 'damaged';
  readonly lostBytes: number;
  /** Whether records can be added to the file as it is. */
  readonly isWhole: boolean;
}

const LINE_FEED = 0x0a;

/** `undefined`: it is damaged. */
export function readHeader(bytes: Buffer): Header | { readonly version: number } | undefined {
  const end = bytes.indexOf(LINE_FEED);
  return end < 0 ? undefined : decodeHeader(bytes.subarray(0, end));
}

/**
 * @param header the journal's, `undefined` when it is damaged.
 * @param boot the id of this boot: what was written but not flushed may be lost with an earlier one.
 */
export function recover(
  bytes: Buffer,
  header: Header | undefined,
  identity: Identity,
  boot: string | undefined,
): Recovered {
  const open = new OpenCalls();
  const inDoubt = new Set<string>();
  let harm: Recovered['harm'] = header === undefined ? 'damaged' : 'none';
  let lostBytes = 0;
  let hasGap = false;
  const markDoubt = (): void => {
    if (hasGap) for (const { call } of begun(open)) inDoubt.add(call.key);
    hasGap = false;
  };
  for (const line of lines(header === undefined ? bytes : bytes.subarray(bytes.indexOf(LINE_FEED) + 1))) {
    const { records, lost } = readLine(line.bytes, seedOf(identity));
    if (records.length > 0 && harm === 'torn') harm = 'damaged';
    if (records.length > 0) markDoubt();
    for (const record of records) open.apply(record);
    if (lost === 0) continue;
    if (harm === 'none') harm = 'torn';
    lostBytes += lost;
    // A line without its line feed is a write that never returned, so nothing relied on it.
    hasGap ||= line.isEnded;
  }
  markDoubt();
  const sameBoot = header !== undefined && header.boot === boot;
  const doubtful = conclude(open, ({ call }) => !sameBoot || inDoubt.has(call.key));
  const isWhole = harm === 'none' && sameBoot && bytes.at(-1) === LINE_FEED;
  return { open, doubtful, harm, lostBytes, isWhole };
}

const begun = (open: OpenCalls): Entry[] => open.entries().filter(({ kind }) => kind === 'begun');

/** A begun call without a result was not answered: all that it left behind is to be undone. Doubtful calls are taken out. */
function conclude(open: OpenCalls, isDoubtful: (entry: Entry) => boolean): Entry[] {
  const doubtful: Entry[] = [];
  for (const entry of begun(open)) {
    const { key } = entry.call;
    if (isDoubtful(entry)) {
      doubtful.push(entry);
      open.apply({ kind: 'done', key });
    } else open.apply({ kind: 'result', key, settle: true });
  }
  return doubtful;
}

function* lines(bytes: Buffer): Generator<{ bytes: Buffer; isEnded: boolean }> {
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(LINE_FEED, at);
    const isEnded = end >= 0;
    yield { bytes: bytes.subarray(at, isEnded ? end : bytes.length), isEnded };
    at = isEnded ? end + 1 : bytes.length;
  }
}

/** How a record begins. A record cannot contain this, since JSON escapes a quotation mark inside a text. */
const BEGINNING = /[0-9a-f]{8} \{"/g;

/** The record of a line. A damaged line may contain several whole records, since damage may have removed a line feed. */
function readLine(line: Buffer, seed: number): { records: JournalRecord[]; lost: number } {
  const whole = decodeRecord(line, seed);
  if (whole !== undefined) return { records: [whole], lost: 0 };
  const starts = [...line.toString('latin1').matchAll(BEGINNING)].map(({ index }) => index);
  const records: JournalRecord[] = [];
  let lost = line.length + 1;
  for (const [i, start] of starts.entries()) {
    const piece = line.subarray(start, starts[i + 1] ?? line.length);
    const found = decodePiece(piece, seed);
    if (found === undefined) continue;
    records.push(found);
    lost -= piece.length;
  }
  return { records, lost };
}

/** One byte after a record may be its damaged line feed. */
const decodePiece = (piece: Buffer, seed: number): JournalRecord | undefined =>
  decodeRecord(piece, seed) ?? decodeRecord(piece.subarray(0, -1), seed);
