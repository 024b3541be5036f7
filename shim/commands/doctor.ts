/** `berth doctor`: asks the shim that runs on this host to compare what Docker has with the table. */
import * as v from 'valibot';
import { messageOf } from '../error-message.ts';
import { DOCTOR_FIX_PATH, DOCTOR_PATH } from '../plugin/plugin.ts';
import { UnreachableError, UserError } from '../user-error.ts';
import { askShim } from './shim-client.ts';

const schema = v.object({
  failure: v.optional(v.string()),
  findings: v.array(v.object({ kind: v.string(), text: v.string(), done: v.string() })),
});
export type Diagnosis = v.InferOutput<typeof schema>;

/** ms: Docker is asked about each of its networks, twice. */
const ANSWER_TIMEOUT_MS = 300_000;

/**
 * @param free subnets and addresses that are freed on the operator's word, without proof that they are unused.
 * @throws UserError when no shim serves the socket, or it cannot compare.
 */
export async function askDoctor(socket: string, isFix: boolean, free: readonly string[] = []): Promise<Diagnosis> {
  const body = JSON.stringify({ Free: free });
  const text = await askShim(socket, isFix ? DOCTOR_FIX_PATH : DOCTOR_PATH, ANSWER_TIMEOUT_MS, body).catch(
    (error: unknown) => {
      const why = messageOf(error);
      throw new UnreachableError(`no shim answers at ${socket}: ${why}`, { cause: error });
    },
  );
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text);
  if (!parsed.success) throw new UserError(`the shim at ${socket} is of another version: ${text.slice(0, 200)}`);
  if (parsed.output.failure !== undefined) throw new UserError(parsed.output.failure);
  return parsed.output;
}

/** The diagnosis as text for the terminal. */
export function tellDiagnosis({ findings }: Diagnosis): string {
  if (findings.length === 0) return 'Docker and the table agree.';
  return findings.map(({ kind, text, done }) => `${kind}: ${text}\n  ${done}`).join('\n');
}

/** Whether something is left to do. */
export const isLeft = ({ findings }: Diagnosis): boolean => findings.some(({ done }) => done !== 'mended');
