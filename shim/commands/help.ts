/** The end of a command's help: how it is typed. */

/** @param commands without the program's name. */
export const examples = (...commands: readonly string[]): string =>
  `\nExample${commands.length === 1 ? '' : 's'}:\n${commands.map((command) => `  berth ${command}`).join('\n')}`;
