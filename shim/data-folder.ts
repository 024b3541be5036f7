/**
 * Checks whether the data folder can be trusted. As root, the shim writes to it and trusts what it reads there, so no other
 * user may be able to put a file or a link into it.
 */
import { type Stats, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { messageOf } from './error-message.ts';
import { UserError } from './user-error.ts';

/** Write permission for the group and for all others. */
const WRITABLE_BY_OTHERS = 0o022;
const ROOT_UID = 0;

/**
 * Creates the folder if it is missing, and checks it and its files before anything is written.
 *
 * @throws UserError when it belongs to another user, others may write to it, a symbolic link is in it, or this user may not
 * use it.
 */
export function prepareDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    checkAll(folder);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `the data folder ${folder} cannot be used: ${messageOf(error)}; run berth as a user who may write there, or choose ` +
        'another folder with --data',
      { cause: error },
    );
  }
}

function checkAll(folder: string): void {
  check(folder, statSync(folder));
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats !== undefined) check(file, stats);
  }
}

function check(file: string, stats: Stats): void {
  const refuse = (what: string, remedy: string): never => {
    throw new UserError(`${file} ${what}; ${remedy}, or choose another folder with --data`);
  };
  if (stats.isSymbolicLink()) refuse('is a symbolic link, which the data folder must not contain', 'remove it');
  const user = process.geteuid?.() ?? stats.uid;
  if (stats.uid !== user && stats.uid !== ROOT_UID) {
    refuse(`belongs to user ${stats.uid}, not to ${user}`, `find out why, then run chown ${user} ${file}`);
  }
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) {
    const mode = (stats.mode & 0o777).toString(8);
    refuse(`may be written by others (mode ${mode})`, `check what they wrote there, then run chmod go-w ${file}`);
  }
}
