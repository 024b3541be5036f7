/**
 * Processes that keep namespaces alive, and with them everything inside.
 *
 * A holder lives until its stdin closes, then cleans up and ends. The other end of that pipe is in the test's process,
 * so nothing stays behind however the test ends (even by SIGKILL), without an exit hook.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { within } from '../../../support/deadlines.ts';

type HolderProcess = ChildProcessByStdio<Writable, Readable, Readable>;

export interface Holder {
  readonly pid: number;
  /** The line that it printed when it was ready. */
  readonly ready: string;
  /** Ends it and waits until it has cleaned up. */
  end(): Promise<void>;
}

const READY_TIMEOUT_MS = 20_000;
const END_TIMEOUT_MS = 30_000;

/** Starts a holder, which must print one line when it is ready and then live until its stdin closes. */
export async function startHolder(command: string, args: readonly string[]): Promise<Holder> {
  // Detached: Ctrl-C must reach only the test. A holder that it killed could not clean up any more.
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  child.stdin.on('error', () => undefined); // The holder is gone, which its exit code shows too.
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  try {
    const ready = await firstLine(child);
    if (child.pid === undefined) throw new Error(`${command} has no process id`);
    // A test that forgets to stop a holder must still end: a holder does not keep Node alive.
    child.stdout.destroy();
    child.stderr.destroy();
    child.unref();
    return { pid: child.pid, ready, end: () => end(child, exited) };
  } catch (error) {
    child.stdin.end();
    throw error;
  }
}

async function firstLine(child: HolderProcess): Promise<string> {
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  let said = '';
  const line = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const newline = said.indexOf('\n');
      if (newline >= 0) resolve(said.slice(0, newline));
    });
    child.once('error', reject);
    child.once('close', (code) => {
      reject(new Error(`the namespaces could not be set up (exit code ${code ?? 'none'}): ${errors}`));
    });
  });
  return within(line, READY_TIMEOUT_MS, () => `the namespaces were not ready in time: ${errors}`);
}

async function end(child: HolderProcess, exited: Promise<number | null>): Promise<void> {
  child.ref();
  child.stdin.end();
  const code = await within(exited, END_TIMEOUT_MS, () => `process ${child.pid ?? 0} did not tidy up in time`);
  if (code !== 0) throw new Error(`the namespaces were not tidied up completely (exit code ${code ?? 'none'})`);
}
