/**
 * What to spawn so that the kernel ends the program with this process, however that ends, so that tests that are interrupted
 * leave nothing behind: setpriv asks for that and becomes the program.
 */
export const endingWithUs = (command: string, args: readonly string[]): [string, string[]] => [
  'setpriv',
  ['--pdeathsig', 'KILL', command, ...args],
];
