/** `berth doctor`: asks the shim that runs on this host to compare what Docker has with the table. */
import { request } from 'node:http';
import * as v from 'valibot';
import { readBody } from './body.ts';
import { messageOf } from './message-of.ts';
import { DOCTOR_FIX_PATH, DOCTOR_PATH } from './plugin.ts';
import { UserError } from './settings.ts';

const schema = v.object({
  failure: v.optional(v.string()),
  findings: v.array(v.object({ kind: v.string(), text: v.string(), done: v.string() })),
});
export type Diagnosis = v.InferOutput<typeof schema>;

/** ms: Docker is asked about each of its networks, twice. */
const TIMEOUT = 300_000;
const MAX_BYTES = 16_777_216;

/** @throws UserError when no shim serves the socket, or it cannot compare. */
export async function askDoctor(socket: string, isFix: boolean): Promise<Diagnosis> {
  const text = await ask(socket, isFix ? DOCTOR_FIX_PATH : DOCTOR_PATH).catch((error: unknown) => {
    const why = messageOf(error);
    throw new UserError(`no shim answers at ${socket}: ${why}`, { cause: error });
  });
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text);
  if (!parsed.success) throw new UserError(`the shim at ${socket} is of another version: ${text.slice(0, 200)}`);
  if (parsed.output.failure !== undefined) throw new UserError(parsed.output.failure);
  return parsed.output;
}

function ask(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path, method: 'POST', signal: AbortSignal.timeout(TIMEOUT) }, (response) => {
      readBody(response, MAX_BYTES).then((bytes) => {
        resolve(bytes?.toString('utf8') ?? '');
      }, reject);
    });
    asking.once('error', reject);
    asking.end();
  });
}

/** For people. */
export function tellDiagnosis({ findings }: Diagnosis): string {
  if (findings.length === 0) return 'What Docker has and what the table says agree.';
  return findings.map(({ kind, text, done }) => `${kind}: ${text}\n  ${done}`).join('\n');
}

/** Whether something is left for somebody to do. */
export const isLeft = ({ findings }: Diagnosis): boolean => findings.some(({ done }) => done !== 'mended');
