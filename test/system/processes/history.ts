/**
 * What a host did and which answers it got. Each call is recorded before it is sent and again when its answer arrives,
 * so that even the history of a killed host shows what it knew and what it had begun.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import * as v from 'valibot';
import { METHODS, type Method } from '../../../protocol/methods.ts';

const moment = v.pipe(
  v.string(),
  v.regex(/^\d+$/),
  v.transform((digits) => BigInt(digits)),
);
const text = v.optional(v.string(), '');

const message = v.object({
  AddressSpace: text,
  Pool: text,
  PoolID: text,
  Address: text,
  Options: v.optional(v.record(v.string(), v.string()), {}),
});
/** As Docker sends it; a field that is left out is empty. */
export type Message = v.InferOutput<typeof message>;

export const answer = v.object({ Error: v.optional(v.string()), PoolID: text, Pool: text, Address: text });
export type Answer = v.InferOutput<typeof answer>;

const begun = v.object({ begun: v.picklist(METHODS), requestKey: v.string(), at: moment, message });
const ended = v.object({ ended: v.string(), at: moment, status: v.number(), answer });
const line = v.pipe(v.string(), v.parseJson(), v.union([begun, ended]));

export interface Operation {
  readonly hostId: string;
  readonly method: Method;
  readonly requestKey: string;
  readonly message: Message;
  /** ns of the machine's monotonic clock, which all its processes share. */
  readonly begin: bigint;
  /** `undefined`: the host does not know the outcome. */
  readonly result: { readonly end: bigint; readonly answer: Answer } | undefined;
}

/** The answer of a call that was granted. */
export const granted = ({ result }: Operation): Answer | undefined =>
  result?.answer.Error === undefined ? result?.answer : undefined;

/** Each line goes to the kernel separately, so the lines of a killed process survive. */
export class Scribe {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  begin(method: Method, requestKey: string, message: Partial<Message>): void {
    this.#write({ begun: method, requestKey, at: now(), message });
  }

  end(requestKey: string, status: number, told: object): void {
    this.#write({ ended: requestKey, at: now(), status, answer: told });
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(entry: object): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }
}

const now = (): string => String(process.hrtime.bigint());

/** The history of one host, in the order of its calls. */
export function readHistory(path: string, hostId: string): Operation[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const entries = lines.map((each) => v.parse(line, each));
  const ends = new Map(entries.flatMap((entry) => ('ended' in entry ? [[entry.ended, entry] as const] : [])));
  return entries.flatMap((entry): Operation[] => {
    if (!('begun' in entry)) return [];
    const { begun: method, requestKey, at: begin, message: sent } = entry;
    const end = ends.get(requestKey);
    // After an error of the function it is unknown whether the request was carried out.
    const result = end?.status === 200 ? { end: end.at, answer: end.answer } : undefined;
    return [{ hostId, method, requestKey, message: sent, begin, result }];
  });
}
