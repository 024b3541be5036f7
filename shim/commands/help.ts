/** The help of the program, and the end of a command's help: how it is typed. */
import type { Command } from 'commander';

/** @param commands without the program's name. */
export const examples = (...commands: readonly string[]): string =>
  `\nExample${commands.length === 1 ? '' : 's'}:\n${commands.map((command) => `  berth ${command}`).join('\n')}`;

/** All commands, by what they are for. */
const COMMANDS = {
  'on a host': ['shim', 'doctor', 'dead-letters list', 'dead-letters retry', 'dead-letters drop'],
  'on one machine': ['up'],
  'who has what': ['whois', 'find', 'addresses', 'pools', 'pool show', 'spaces', 'space show', 'hosts', 'host show'],
  'how full it is': ['usage', 'free', 'free-subnets'],
  'change a fleet': ['space set', 'host drain', 'host resume', 'host dead', 'host former-dead', 'host adopt'],
  'is it sound': ['check'],
  'in and out': ['export', 'import'],
  'in a shell': ['completion'],
  'choose a fleet': ['context set', 'context use', 'context list', 'context remove'],
} as const;

/** Lets the help of the program list its many commands by what they are for, so that it fits on a terminal. */
export function summarize(program: Command): void {
  program.configureHelp({
    formatHelp(_, helper) {
      const groups = Object.entries(COMMANDS);
      const width = Math.max(...groups.map(([name]) => name.length));
      // Lines break between commands alone.
      const lines = groups.map(([name, commands]) =>
        helper.formatItem(name, width, commands.join(', ').replaceAll(/(?<!,) /g, '_'), helper).replaceAll('_', ' '),
      );
      const usage = `Usage: ${program.name()} <command> [options]`;
      const more = 'berth <command> --help describes a command. berth --version prints the version.';
      return `${usage}\n\n${program.description()}\n\nCommands:\n${lines.join('\n')}\n\n${more}\n`;
    },
  });
}
