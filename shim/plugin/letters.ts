/** What `berth dead-letters` asks a shim: the calls that it gave up, and what becomes of them. */
import * as v from 'valibot';
import { summaryOf } from '../call-summary.ts';
import type { Journal, Letter } from '../journal/journal.ts';
import type { Log } from '../outbox/retry-queue.ts';
import type { Fate, Outbox } from '../outbox/outbox.ts';
import { within } from '../time.ts';

/** The ids of letters; `null`: all. */
const chosenIds = v.nullable(v.pipe(v.array(v.string()), v.maxLength(1_000)));

export const lettersMessage = v.variant('do', [
  v.object({ do: v.literal('list') }),
  v.object({ do: v.literal('retry'), ids: chosenIds }),
  v.object({
    do: v.literal('drop'),
    ids: chosenIds,
    why: v.pipe(v.string(), v.maxLength(256), v.regex(/^[^\p{Cc}]*$/u, 'control characters')),
  }),
]);
export type LettersMessage = v.InferInput<typeof lettersMessage>;

const letterLine = v.object({
  id: v.string(),
  at: v.string(),
  kind: v.string(),
  method: v.string(),
  pool: v.string(),
  address: v.string(),
  reason: v.string(),
});
export type LetterLine = v.InferOutput<typeof letterLine>;

export const lettersAnswer = v.object({
  letters: v.array(letterLine),
  /** Of a retry: what became of each. Of a drop: none. */
  outcomes: v.array(v.object({ id: v.string(), outcome: v.string() })),
  dropped: v.number(),
});
export type LettersAnswer = v.InferOutput<typeof lettersAnswer>;

/** ms that the answer to a retry waits for the fleet. */
const RETRY_PATIENCE_MS = 10_000;

export interface LettersOptions {
  readonly journal: Pick<Journal, 'letters' | 'dropLetters' | 'release'>;
  readonly outbox: Pick<Outbox, 'release'>;
  readonly log: Log;
}

/** @throws JournalError when the disk fails: nothing is lost then. */
export async function handleLetters(options: LettersOptions, message: LettersMessage): Promise<LettersAnswer> {
  const { journal, log } = options;
  const all = journal.letters();
  if (message.do === 'list') return { letters: all.map(lineOf), outcomes: [], dropped: 0 };
  const { ids: keys } = message;
  const chosen = keys === null ? all : all.filter(({ call }) => keys.includes(call.key));
  const letters = chosen.map(lineOf);
  if (message.do === 'retry') {
    const outcomes = await Promise.all(chosen.map((one) => retry(options, one)));
    return { letters, outcomes, dropped: 0 };
  }
  log.warn({ letters }, `dead letters are dropped${message.why === '' ? '' : `: ${message.why}`}`);
  return { letters, outcomes: [], dropped: journal.dropLetters(keys === null ? 'all' : new Set(keys)) };
}

/**
 * Puts a release back on its way. It stands in the journal before its letter goes, so a crash between loses nothing. If it is
 * refused again, the outbox writes a new letter.
 */
async function retry(
  { journal, outbox }: LettersOptions,
  { kind, call }: Letter,
): Promise<{ id: string; outcome: string }> {
  const id = call.key;
  // What a request left behind is known to Docker alone.
  if (kind !== 'release') return { id, outcome: 'not a release: berth doctor --fix frees what it left' };
  await journal.release(call);
  journal.dropLetters(new Set([id]));
  const fate = await within(RETRY_PATIENCE_MS, outbox.release(call), (): Fate => 'waiting');
  return { id, outcome: outcomeOf(fate) };
}

function outcomeOf(fate: Fate): string {
  if (fate === 'heard') return 'done';
  if (fate === 'waiting') return 'on its way: the fleet does not answer yet';
  return `refused: ${fate.refusal}`;
}

function lineOf({ at, reason, kind, call }: Letter): LetterLine {
  const { poolId, address } = summaryOf(call);
  return { id: call.key, at, kind, method: call.method, pool: poolId, address, reason };
}
