/**
 * A command whose program the kernel ends with this process, however that ends, so that interrupted tests
 * leave nothing behind: setpriv requests that and then becomes the program.
 */
export const endingWithUs = (command: string, args: readonly string[]): [string, string[]] => [
  'setpriv',
  ['--pdeathsig', 'KILL', command, ...args],
];
