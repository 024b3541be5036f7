/** `berth completion`: scripts that let a shell complete the commands and options of `berth`. */
import type { Command } from 'commander';
import { examples } from './help.ts';

/** The command that people run, and the one that the scripts run at each press of the key. */
const NAMES = ['completion', 'complete'];

/**
 * Adds the commands when one of them is asked for, since they look at all others.
 *
 * @param argv as in `process.argv`.
 */
export async function completionCommands(program: Command, argv: readonly string[]): Promise<void> {
  const [, , asked = ''] = argv;
  if (!NAMES.includes(asked)) return;
  const { default: tab } = await import('@bomb.sh/tab/commander');
  tab(program, { completionCommandName: 'completion' });
  const script = program.commands.find((command) => command.name() === 'completion');
  script?.addHelpText('after', examples('completion bash > /etc/bash_completion.d/berth', 'completion fish | source'));
}
