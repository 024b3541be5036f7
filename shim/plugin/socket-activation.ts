/**
 * Sockets that systemd has opened before the shim starts, and keeps open while it is started anew: no call of dockerd
 * meets a closed door (sd_listen_fds(3)). They are told apart by `FileDescriptorName=`, the name of the driver.
 */

/** The first of them, always. */
const FIRST_FD = 3;

/** File descriptors by name; empty where nobody has passed any, or passed them to another process. */
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
