/**
 * The lines of the journal: a checksum in hexadecimal, a space, JSON. The checksum's seed is the host and incarnation that
 * wrote the line, so that a line of another one is invalid even if the header is damaged.
 */
import { crc32 } from 'node:zlib';
import * as v from 'valibot';
import { MAX_BODY_BYTES } from '../../protocol/limits.ts';
import { DRIVERS, METHODS } from '../../protocol/methods.ts';

export interface Identity {
  readonly hostId: string;
  readonly incarnation: string;
}

/** Larger than any message of Docker's. */

const key = v.pipe(v.string(), v.regex(/^[0-9a-z]{13}$/));
export const keptCall = v.object({
  key,
  driver: v.picklist(DRIVERS),
  method: v.picklist(METHODS),
  body: v.pipe(v.string(), v.maxBytes(MAX_BODY_BYTES)),
});
/** One call of dockerd, with everything needed to repeat it. */
export type KeptCall = Readonly<v.InferOutput<typeof keptCall>>;

const keep = v.optional(v.string());
const record = v.variant('kind', [
  v.object({ kind: v.literal('begin'), call: keptCall }),
  v.object({ kind: v.literal('result'), key, keep, settle: v.boolean() }),
  v.object({ kind: v.literal('release'), call: keptCall }),
  v.object({ kind: v.literal('keepNothing'), key }),
  v.object({ kind: v.literal('done'), key }),
  // A begin and its result in one record, used when the file is rewritten.
  v.object({ kind: v.literal('settle'), call: keptCall, keep }),
]);
export type JournalRecord = Readonly<v.InferOutput<typeof record>>;

export const VERSION = 1;
const header = v.looseObject({ version: v.number() });
const ownHeader = v.object({
  version: v.literal(VERSION),
  host: v.string(),
  incarnation: v.string(),
  /** The id of the boot during which it was written, if known. */
  boot: v.optional(v.string()),
});
export type Header = Readonly<v.InferOutput<typeof ownHeader>>;

export const seedOf = ({ hostId, incarnation }: Identity): number => crc32(JSON.stringify([hostId, incarnation]));
/** The header's seed, since the header must be read to know which host wrote the rest. */
const HEADER_SEED = 0;

function line(json: string, seed: number): Buffer {
  return Buffer.from(`${crc32(json, seed).toString(16).padStart(8, '0')} ${json}\n`);
}

export function encodeHeader({ hostId, incarnation }: Identity, boot: string | undefined): Buffer {
  const own: Header = { version: VERSION, host: hostId, incarnation, boot };
  return line(JSON.stringify(own), HEADER_SEED);
}

export const encodeRecord = (entry: JournalRecord, seed: number): Buffer => line(JSON.stringify(entry), seed);

/** The JSON of a line without its line feed. `undefined`: it is damaged. */
function verified(bytes: Buffer, seed: number): unknown {
  const [checksum, json] = [bytes.toString('latin1', 0, 9), bytes.subarray(9)];
  if (json.length === 0 || checksum !== `${crc32(json, seed).toString(16).padStart(8, '0')} `) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson()), json.toString('utf8'));
  return parsed.success ? parsed.output : undefined;
}

export function decodeRecord(bytes: Buffer, seed: number): JournalRecord | undefined {
  const parsed = v.safeParse(record, verified(bytes, seed));
  return parsed.success ? parsed.output : undefined;
}

/** Of a header of another version, only the version is known. `undefined`: it is damaged. */
export function decodeHeader(bytes: Buffer): Header | { readonly version: number } | undefined {
  const value = verified(bytes, HEADER_SEED);
  const own = v.safeParse(ownHeader, value);
  if (own.success) return own.output;
  const any = v.safeParse(header, value);
  return any.success && any.output.version !== VERSION ? { version: any.output.version } : undefined;
}
