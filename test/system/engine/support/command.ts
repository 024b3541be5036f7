/** Commands run to their end, always with a bound on how long they may take. */
import { execFile } from 'node:child_process';
import { limit } from '../../../support/deadlines.ts';

export interface Outcome {
  /** The exit code: 0 is success. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** On a quiet machine. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * The outcome of a command that ran to its end, well or not.
 *
 * @throws Error when it could not be started or did not end by itself. In both cases its answer is unknown, so a test
 * must not treat them as a refusal.
 */
export function run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const { env = process.env, cwd, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  return new Promise((resolve, reject) => {
    const timeout = limit(timeoutMs);
    const limits = { timeout, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const;
    execFile(command, args, { ...limits, env, cwd, encoding: 'utf8' }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') {
        resolve({ code, stdout, stderr });
        return;
      }
      const why =
        error?.killed === true ? `did not end within ${timeout} ms or said too much` : 'did not run to its end';
      reject(new Error(`${[command, ...args].join(' ')}: ${why}\n${stdout}${stderr}`, { cause: error }));
    });
  });
}

/** What a command that must succeed wrote to stdout. */
export async function output(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')}: exit code ${code}\n${stderr}`);
  return stdout;
}
