/** `berth dead-letters`: the calls that the shim on this host gave up. */
import type { Command } from 'commander';
import * as v from 'valibot';
import { type LetterLine, type LettersAnswer, type LettersMessage, lettersAnswer } from '../plugin/letters.ts';
import { LETTERS_PATH } from '../plugin/plugin.ts';
import { parseDrivers } from '../settings.ts';
import { UsageError, UserError } from '../user-error.ts';
import { noShimAt } from './doctor.ts';
import { examples } from './help.ts';
import { located, socketOf } from './options.ts';
import { type OutputOptions, print } from './output.ts';
import { askShim } from './shim-client.ts';
import { tableOf } from './table.ts';
import { agreeTo, terminal } from './terminal.ts';

interface LettersOptions extends OutputOptions {
  readonly sockets: string;
  readonly drivers: string;
  readonly all?: boolean;
}

/** Longer than a shim waits for the fleet. */
const ANSWER_TIMEOUT_MS = 30_000;

const refusal = v.object({ Err: v.string() });

/** Adds `berth dead-letters`. */
export function deadLettersCommands(program: Command): void {
  const group = program.command('dead-letters').description('look at the calls that this host gave up, or settle them');
  on(group.command('list'))
    .description('List the calls that the shim on this host gave up, and why.')
    .addHelpText('after', examples('dead-letters list', 'dead-letters list --json'))
    .action(async (options: LettersOptions) => {
      const { letters } = await ask(options, { do: 'list' });
      print(options, { letters }, describeLetters(letters));
    });
  on(group.command('retry [ids...]'))
    .option('--all', 'all of them')
    .description('Put releases back on their way. What is refused again becomes a letter again.')
    .addHelpText('after', examples('dead-letters retry 0mjuohs00abcd', 'dead-letters retry --all'))
    .action(async (ids: string[], options: LettersOptions) => {
      const { outcomes } = await ask(options, { do: 'retry', ids: chosen(ids, options) });
      print(options, { outcomes }, describeOutcomes(outcomes));
    });
  on(group.command('drop [ids...]'))
    .option('--all', 'all of them, also what cannot be read')
    .option('--yes', 'do not ask')
    .option('--why <text>', 'the reason, for the log of the shim', '')
    .description('Forget calls that were given up. What they hold stays held: run berth doctor --fix first.')
    .addHelpText('after', examples('dead-letters drop 0mjuohs00abcd --why freed', 'dead-letters drop --all --yes'))
    .action(
      async (ids: string[], { yes = false, why, ...options }: LettersOptions & { yes?: boolean; why: string }) => {
        const keys = chosen(ids, options);
        const { letters } = await ask(options, { do: 'list' });
        const meant = keys === null ? letters : letters.filter(({ id }) => keys.includes(id));
        console.error(describeLetters(meant));
        if (!yes) await agreeTo(DROP, terminal().ask);
        const { dropped } = await ask(options, { do: 'drop', ids: keys, why });
        print(options, { dropped }, `${dropped} dropped`);
      },
    );
}

const DROP = { word: 'drop', question: 'These calls are forgotten. Type drop to continue: ', unasked: 'add --yes' };

const on = (command: Command): Command => located(command).option('--json', 'print JSON, for programs');

/** @returns `null`: all. @throws UsageError when neither or both are named. */
function chosen(ids: readonly string[], { all = false }: LettersOptions): string[] | null {
  if (all === ids.length > 0) throw new UsageError('name the ids that berth dead-letters list shows, or --all');
  return all ? null : [...ids];
}

/** @throws UserError when no shim answers, or it cannot do it. */
async function ask({ sockets, drivers }: LettersOptions, message: LettersMessage): Promise<LettersAnswer> {
  const socket = socketOf(sockets, parseDrivers(drivers));
  const text = await askShim(socket, LETTERS_PATH, ANSWER_TIMEOUT_MS, JSON.stringify(message)).catch(
    (error: unknown) => {
      throw noShimAt(socket, error);
    },
  );
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), lettersAnswer), text);
  if (parsed.success) return parsed.output;
  const refused = v.safeParse(v.pipe(v.string(), v.parseJson(), refusal), text);
  if (refused.success) throw new UserError(`the shim at ${socket} refuses: ${refused.output.Err}`);
  throw new UserError(`the shim at ${socket} is of another version: ${text.slice(0, 200)}`);
}

const COLUMNS = ['ID', 'GIVEN UP', 'CALL', 'WHAT', 'WHY'].map((head) => ({ head }));

export function describeLetters(letters: readonly LetterLine[]): string {
  if (letters.length === 0) return 'no call was given up';
  return tableOf(
    COLUMNS,
    letters.map(({ id, at, method, pool, address, reason }) => [
      id,
      at,
      method,
      address === '' ? pool : address,
      reason,
    ]),
  );
}

const describeOutcomes = (outcomes: LettersAnswer['outcomes']): string =>
  outcomes.length === 0 ? 'there is no such letter' : outcomes.map(({ id, outcome }) => `${id}  ${outcome}`).join('\n');
