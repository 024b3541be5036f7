/** A process that locks the given folder, prints that it did, and holds the lock until its standard input ends. */
import { lockFolder } from '../../../shim/lock.ts';

const lock = lockFolder(process.argv[2] ?? '');
process.stdin.once('end', () => {
  lock.close();
});
process.stdin.resume();
console.log('locked');
