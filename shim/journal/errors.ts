import { messageOf } from '../error-message.ts';

/** Why the journal did not take an entry, in words for the person who ran the docker command. */
export class JournalError extends Error {}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device: free some in',
  EDQUOT: 'the quota is used up: free some space in',
  EROFS: 'the file system is read-only: make it writable again under',
  EIO: "the disk fails: see the kernel's log about",
};

/** The error names the folder and the remedy. @param what cannot be written. */
export function unwritable(folder: string, error: unknown, what = 'journal'): JournalError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const remedy = REMEDIES[code] ?? `${messageOf(error)}: see to`;
  return new JournalError(`Berth cannot write its ${what}: ${remedy} ${folder}`, { cause: error });
}
