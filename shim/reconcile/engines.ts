/**
 * How many Docker engines run beside this shim. Each has a socket of its own that its children call when they set up a
 * container's network, and the kernel lists the sockets of a network namespace. That can be read without a capability and
 * without seeing other processes; an engine in another network namespace is not seen.
 */
import { readFile } from 'node:fs/promises';

/** Of the shim's own network namespace, which is the host's (proc_pid_net(5)). */
const SOCKETS = '/proc/self/net/unix';
/** It accepts connections: __SO_ACCEPTCON. */
const LISTENS = '00010000';

/** @returns `undefined` where the kernel does not say. */
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
