/** `berth doctor`: asks the shim that runs on this host to compare what Docker has with the table. */
import * as v from 'valibot';
import { messageOf } from '../error-message.ts';
import { DOCTOR_FIX_PATH, DOCTOR_PATH, STATUS_PATH } from '../plugin/plugin.ts';
import { NotComparedError, UnreachableError, UserError } from '../user-error.ts';
import { type Status, statusAnswer } from '../plugin/status.ts';
import { EXIT } from '../exit-codes.ts';
import { agoText } from './ago.ts';
import { type OutputOptions, print } from './output.ts';
import { askShim } from './shim-client.ts';
import { factsOf } from './table.ts';

const schema = v.object({
  failure: v.optional(v.string()),
  findings: v.array(v.object({ kind: v.string(), text: v.string(), done: v.string() })),
});
export type Diagnosis = v.InferOutput<typeof schema>;

/** ms: Docker is asked about each of its networks, twice. */
const ANSWER_TIMEOUT_MS = 300_000;

/**
 * @param free subnets and addresses that are freed on the operator's word, without proof that they are unused.
 * @throws UnreachableError when no shim serves the socket, NotComparedError when it cannot compare, UserError when it is of
 * another version.
 */
export async function askDoctor(socket: string, isFix: boolean, free: readonly string[] = []): Promise<Diagnosis> {
  const body = JSON.stringify({ Free: free });
  const text = await askShim(socket, isFix ? DOCTOR_FIX_PATH : DOCTOR_PATH, ANSWER_TIMEOUT_MS, body).catch(
    (error: unknown) => {
      throw noShimAt(socket, error);
    },
  );
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text);
  if (!parsed.success) throw new UserError(`the shim at ${socket} is of another version: ${text.slice(0, 200)}`);
  if (parsed.output.failure !== undefined) throw new NotComparedError(`not compared: ${parsed.output.failure}`);
  return parsed.output;
}

/** ms: the shim knows all of it already. */
const STATUS_TIMEOUT_MS = 5_000;

/**
 * What the shim knows of this host, also while the cloud is away.
 *
 * @returns `undefined`: the shim is of an earlier version, which does not say.
 * @throws UnreachableError when no shim serves the socket.
 */
export async function askStatus(socket: string): Promise<Status | undefined> {
  const text = await askShim(socket, STATUS_PATH, STATUS_TIMEOUT_MS).catch((error: unknown) => {
    throw noShimAt(socket, error);
  });
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), statusAnswer), text);
  return parsed.success ? parsed.output : undefined;
}

const noShimAt = (socket: string, error: unknown): UnreachableError =>
  new UnreachableError(`no shim answers at ${socket}: ${messageOf(error)}`, { cause: error });

/** A status as text for the terminal. @param now ms */
export function tellStatus(status: Status, now: number): string {
  const { version, startedAt, data, endpoint, answeredAt, credentials, clockOffsetSeconds, comparison, health } =
    status;
  const ago = (at: string): string => agoText(Math.max(0, Math.round((now - Date.parse(at)) / 1_000)));
  const { depth, oldestSeconds, deadLetters } = health.journal;
  const waiting = depth === 0 ? 'no call waits' : `${depth} calls wait, the oldest for ${oldestSeconds} s`;
  return factsOf([
    ['host', health.host],
    ['shim', `${version}, started ${ago(startedAt)}`],
    ['data', data],
    ['endpoint', endpoint],
    ['answered', answeredAt === null ? 'not since the start' : ago(answeredAt)],
    ['credentials', `from ${credentials.source}${validity(credentials)}`],
    [
      'clock',
      clockOffsetSeconds === 0 ? "agrees with AWS's" : `${offText(clockOffsetSeconds)}; requests are corrected`,
    ],
    ['journal', `${waiting}, ${deadLetters} given up`],
    ['compared', comparison.at === null ? 'not yet' : `${ago(comparison.at)}${outcomeOf(comparison)}`],
    ['health', health.reasons.length === 0 ? health.status : `${health.status}: ${health.reasons.join('; ')}`],
  ]);
}

function validity({ isHeld, expiresAt }: Status['credentials']): string {
  if (!isHeld) return ', none held';
  return expiresAt === null ? '' : `, valid until ${expiresAt}`;
}

const offText = (seconds: number): string => `${Math.abs(seconds)} s ${seconds > 0 ? 'behind' : 'ahead of'} AWS's`;

function outcomeOf({ failure, findings }: Status['comparison']): string {
  if (failure !== undefined) return `, failed: ${failure}`;
  return findings === 0 ? ', no difference' : `, ${findings} differences`;
}

export interface Examination extends OutputOptions {
  /** Correct the differences. */
  readonly isFix: boolean;
  /** Subnets and addresses that are freed on the operator's word. */
  readonly free: readonly string[];
}

/**
 * Prints what the shim knows of this host, and then where Docker and the table differ. Sets the exit code.
 *
 * @throws UserError as `askStatus` and `askDoctor` do.
 */
export async function examine(socket: string, { isFix, free, json }: Examination): Promise<void> {
  const host = await askStatus(socket);
  if (json !== true && host !== undefined) console.log(`${tellStatus(host, Date.now())}\n`);
  try {
    const diagnosis = await askDoctor(socket, isFix, free);
    const left = isLeft(diagnosis);
    print({ json }, { host, findings: diagnosis.findings, isLeft: left }, tellDiagnosis(diagnosis));
    if (left) process.exitCode = EXIT.findings;
  } catch (error) {
    if (json !== true || !(error instanceof NotComparedError)) throw error;
    // What is known of the host is of use even so.
    const { exitCode, code, message } = error;
    print({ json }, { host, error: { code, message } }, '');
    process.exitCode = exitCode;
  }
}

/** The diagnosis as text for the terminal. */
export function tellDiagnosis({ findings }: Diagnosis): string {
  if (findings.length === 0) return 'Docker and the table agree.';
  return findings.map(({ kind, text, done }) => `${kind}: ${text}\n  ${done}`).join('\n');
}

/** Whether something is left to do. */
export const isLeft = ({ findings }: Diagnosis): boolean => findings.some(({ done }) => done !== 'mended');
