/** Reads the journal of an earlier run, and warns about what it cannot read. */
import { existsSync, linkSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { messageOf } from '../error-message.ts';
import { UserError } from '../user-error.ts';
import { type Entry, OpenCalls } from './open-calls.ts';
import type { Settings } from './options.ts';
import { type Header, type Identity, VERSION } from './records.ts';
import { type Recovered, readHeader, recover } from './recovery.ts';

type Opening = Pick<Settings, 'warn' | 'now' | 'boot'>;

export interface TakenUp {
  readonly open: OpenCalls;
  readonly doubtful: readonly Entry[];
  /** Size of a file that can be appended to. `undefined`: it must be rewritten first. */
  readonly size: number | undefined;
}

/** @throws UserError when the file is of another host or a newer Berth, or cannot be read. The file is then unchanged. */
export function takeUp(file: string, identity: Identity, opening: Opening): TakenUp {
  const bytes = readBytes(file);
  if (bytes === undefined) return nothing();
  const header = readHeader(bytes);
  if (header !== undefined && !('host' in header)) throw new UserError(newer(file, header.version));
  if (header !== undefined && header.host !== identity.hostId) throw new UserError(otherHost(file, header, identity));
  if (header !== undefined && header.incarnation !== identity.incarnation) {
    setAside(file, 'foreign', opening, renameSync);
    return nothing();
  }
  const recovered = recover(bytes, header, identity, opening.boot);
  tell(file, recovered, opening);
  const { open, doubtful, isWhole } = recovered;
  return { open, doubtful, size: isWhole ? bytes.length : undefined };
}

const nothing = (): TakenUp => ({ open: new OpenCalls(), doubtful: [], size: undefined });

function readBytes(file: string): Buffer | undefined {
  try {
    return existsSync(file) ? readFileSync(file) : undefined;
  } catch (error) {
    throw new UserError(`cannot read the journal ${file}: ${messageOf(error)}`, { cause: error });
  }
}

const newer = (file: string, version: number): string =>
  `${file} was written by a newer Berth (journal version ${version}, this program supports ${VERSION}); ` +
  'start the newer Berth again';

const otherHost = (file: string, { host }: Header, { hostId }: Identity): string =>
  `${file} belongs to host ${host}, not to ${hostId}; start with --host-id ${host}, ` +
  'or, if that host is gone for good, move the file away (what its unsent releases would free stays held until the fleet forgets the host)';

function tell(file: string, { open, harm, lostBytes }: Recovered, opening: Opening): void {
  if (harm === 'torn') {
    opening.warn(`the end of ${file} was torn: ${lostBytes} bytes were cut off; ${open.depth} calls were read`);
  }
  if (harm === 'damaged') {
    // A hard link, not a rename: until the file is rewritten, it is the only copy.
    setAside(file, 'damaged', opening, linkSync);
    opening.warn(`${file} is DAMAGED: ${lostBytes} bytes are unreadable; ${open.depth} calls were read`);
  }
}

function setAside(
  file: string,
  why: 'foreign' | 'damaged',
  { warn, now }: Opening,
  move: (from: string, to: string) => void,
): void {
  let at = now();
  while (existsSync(`${file}.${why}-${at}`)) at++;
  const aside = `${file}.${why}-${at}`;
  try {
    move(file, aside);
  } catch (error) {
    throw new UserError(`cannot put ${file} aside as ${aside}: ${messageOf(error)}`, { cause: error });
  }
  const cause =
    why === 'foreign' ? 'belongs to another incarnation of this host' : 'was damaged by the disk or file system';
  warn(`${path.basename(file)} ${cause}; it is kept as ${aside}`);
}
