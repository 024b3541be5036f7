/**
 * Sockets that systemd opens before the shim starts and keeps open while the shim restarts, so that dockerd can always
 * connect (sd_listen_fds(3)). Each has the driver's name as its `FileDescriptorName=`.
 */

/** The first file descriptor that systemd passes. */
const FIRST_FD = 3;

/** File descriptors by name. Empty when none were passed, or when they were passed to another process. */
export function inheritedSockets(environment: NodeJS.ProcessEnv = process.env, pid = process.pid): Map<string, number> {
  const { LISTEN_PID: listener, LISTEN_FDS: count, LISTEN_FDNAMES: names = '' } = environment;
  if (Number(listener) !== pid) return new Map();
  return new Map(
    names
      .split(':')
      .slice(0, Number(count))
      .map((name, i) => [name, FIRST_FD + i]),
  );
}
