/** The terminal that a command was started at: what destroys asks there first. */
import { createInterface } from 'node:readline/promises';
import { UsageError, UserError } from '../user-error.ts';

export interface Terminal {
  readonly tell: (text: string) => void;
  /** `undefined`: the input is not a terminal. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
}

export const terminal = (): Terminal => ({
  tell: (text) => {
    console.error(text);
  },
  ask: process.stdin.isTTY ? question : undefined,
});

async function question(text: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // At the end of the input, `question` never resolves.
  const ended = new Promise<string>((resolve) =>
    lines.once('close', () => {
      resolve('');
    }),
  );
  try {
    return await Promise.race([lines.question(text), ended]);
  } finally {
    lines.close();
  }
}

export interface Agreement {
  /** What the operator has to type. */
  readonly word: string;
  readonly question: string;
  /** What to do where nobody can be asked. */
  readonly unasked: string;
}

/** @throws UserError when the operator types something else, UsageError without a terminal. */
export async function agreeTo({ word, question: text, unasked }: Agreement, ask: Terminal['ask']): Promise<void> {
  if (ask === undefined) throw new UsageError(`cannot ask for confirmation without a terminal; ${unasked}`);
  const answer = await ask(text);
  if (answer.trim() !== word) throw new UserError(`that is not ${word}; nothing was changed`);
}
