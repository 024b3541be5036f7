/**
 * Counts the Docker engines that run next to this shim. Each engine has its own socket, which its children call when they
 * set up a container's network, and the kernel lists the sockets of a network namespace. Reading that list needs neither a
 * capability nor a view of other processes. An engine in another network namespace is not counted.
 */
import { readFile } from 'node:fs/promises';

/** Of the shim's own network namespace, which is the host's (proc_pid_net(5)). */
const SOCKETS = '/proc/self/net/unix';
/** The flag of a socket that accepts connections (__SO_ACCEPTCON). */
const LISTENS = '00010000';

/** @returns `undefined` if the kernel's list cannot be read. */
export async function countEngines(file = SOCKETS): Promise<number | undefined> {
  const table = await readFile(file, 'utf8').catch(() => undefined);
  if (table === undefined) return undefined;
  const paths = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , flags, , , , name = '']) => flags === LISTENS && /\/libnetwork\/[0-9a-f]{12}\.sock$/.test(name))
    .map((fields) => fields[7]);
  return new Set(paths).size;
}
