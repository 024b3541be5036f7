/** Where things are by default: the system's places for root, the user's own (XDG) otherwise. */
import { homedir } from 'node:os';
import path from 'node:path';

export interface Settings {
  /** Where the plugin's sockets go. Docker looks for plugins in /run/docker/plugins. */
  readonly sockets: string;
  /** Identity, sequence, handshake; with `berth up` the table too. */
  readonly data: string;
  readonly space: string;
  readonly hostId: string | undefined;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** A folder of the user's, where it is set: an empty variable is as good as none (XDG Base Directory Specification). */
const xdg = (name: string): string | undefined => (process.env[name] === '' ? undefined : process.env[name]);

export const defaultSockets = (): string =>
  isRoot()
    ? '/run/docker/plugins'
    : path.join(xdg('XDG_RUNTIME_DIR') ?? path.join(homedir(), '.local/run'), 'docker/plugins');

export const defaultData = (): string =>
  isRoot() ? '/var/lib/berth' : path.join(xdg('XDG_DATA_HOME') ?? path.join(homedir(), '.local/share'), 'berth');

/** Something that the person who started the program can put right: told in one line, without a stack. */
export class UserError extends Error {}

/** A Unix socket's path fits into 108 bytes of the kernel's structure, the terminating zero included. */
export function refuseLongSocket(socket: string): void {
  if (Buffer.byteLength(socket) > 107) {
    throw new UserError(`the path of the socket is too long (107 bytes at most): ${socket}; choose a shorter folder`);
  }
}
