/** One Berth per data folder: two would hand out the same sequences. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf } from './error-message.ts';
import { UserError } from './user-error.ts';

/**
 * Locks a folder for the life of this process. The kernel holds the lock (SQLite takes it with fcntl), so it ends with
 * the process, however that ends, and no stale lock remains.
 *
 * @returns the object that keeps the lock; it must stay referenced.
 * @throws UserError when another process holds it.
 */
export function lockFolder(folder: string): DatabaseSync {
  const file = path.join(folder, 'lock.db');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    throw new UserError(whyNot(folder, file, error), { cause: error });
  }
}

/** SQLite's codes for a lock that another process holds, and for a file that this process may not write or create. */
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_CANTOPEN = 14;

function whyNot(folder: string, file: string, error: unknown): string {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  if (code === SQLITE_BUSY) {
    return `Berth is already running with the data in ${folder}; stop it first, or choose another folder with --data`;
  }
  const owner = statSync(folder, { throwIfNoEntry: false })?.uid;
  if (owner !== undefined && (code === SQLITE_CANTOPEN || code === SQLITE_READONLY)) {
    return (
      `the data folder ${folder} cannot be used: ${file} cannot be written by user ${process.geteuid?.() ?? ''}; run berth as ` +
      `the folder's owner (user ${owner}), or choose another folder with --data`
    );
  }
  return `cannot lock ${file}: ${messageOf(error)}`;
}
