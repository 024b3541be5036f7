/** One Berth per data folder: two would hand out the same sequences. */
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { UserError } from './settings.ts';

/**
 * Locks a folder for the life of this process. The lock is the kernel's (SQLite takes it with fcntl), so it ends with
 * the process however it dies, and there is nothing stale to clear away.
 *
 * @returns what keeps the lock; it must stay referenced.
 * @throws UserError when another process holds it.
 */
export function lockFolder(folder: string): DatabaseSync {
  const database = new DatabaseSync(path.join(folder, 'lock.db'), { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw new UserError(
      `Berth runs already with the data in ${folder}: stop it first, or choose another folder with --data`,
      { cause: error },
    );
  }
  return database;
}
