/** How `berth` ends: its exit codes, and errors that are short, with a hint, or JSON for a program that reads them. */
import { type Command, CommanderError } from 'commander';
import { messageOf } from '../error-message.ts';
import { EXIT } from '../exit-codes.ts';
import { UsageError, UserError } from '../user-error.ts';
import { toJson } from './output.ts';

export const EXIT_CODES_HELP = `Exit codes: 0 done, 1 something unexpected, 2 usage, 3 refused by the functions,
4 no answer from the fleet or the shim, 5 berth doctor or check: something is wrong.`;

/**
 * Runs the program, all of whose commands have been added, and sets the exit code.
 *
 * @param argv as in `process.argv`.
 * @throws an error that no one expected, whose stack is of use.
 */
export async function run(program: Command, argv: readonly string[]): Promise<void> {
  beBrief(program);
  let asked = program;
  program.hook('preAction', (_, command) => {
    asked = command;
  });
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    else tell(error, asked, argv);
  }
}

/** Of a usage error, commander prints the whole help, and not only what is wrong. */
function beBrief(command: Command): void {
  command.configureOutput({ outputError: () => undefined }).exitOverride((error) => {
    // Help and version are no errors; a missing subcommand has its help as its answer.
    if (error.exitCode === 0 || error.code === 'commander.help') throw error;
    throw new UsageErrorOf(command, error.message.replace(/^error: /, ''));
  });
  for (const each of command.commands) beBrief(each);
}

/** A usage error that commander found, of a command that has not begun. */
class UsageErrorOf extends UsageError {
  readonly command: Command;

  constructor(command: Command, reason: string) {
    super(reason);
    this.command = command;
  }
}

/** @param asked the command that ran. */
function tell(error: unknown, asked: Command, argv: readonly string[]): void {
  const isJson = argv.includes('--json');
  const { exitCode, code } = error instanceof UserError ? error : { exitCode: EXIT.unexpected, code: 'unexpected' };
  const message = messageOf(error);
  // `berth shim --health` has its own codes: a typing error must not read as degraded.
  process.exitCode = exitCode === EXIT.usage && argv.includes('--health') ? EXIT.unexpected : exitCode;
  if (isJson) console.log(toJson({ error: { code, message } }));
  if (!(error instanceof UserError)) throw error;
  if (isJson) return;
  console.error(`berth: ${message}`);
  const command = error instanceof UsageErrorOf ? error.command : asked;
  if (error instanceof UsageError) console.error(`try: ${nameOf(command)} --help`);
}

/** As it is typed: `berth host dead`. */
const nameOf = (command: Command): string =>
  command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
