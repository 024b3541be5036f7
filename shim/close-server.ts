import type { Server } from 'node:http';

const SWEEP_PAUSE_MS = 20;
/** Longer than a call of dockerd takes by default; connections that are still open then are cut. */
const GRACE_MS = 25_000;

/**
 * Accepts no new connections, lets the requests under way finish, and closes each connection once it is idle. dockerd
 * needs connections without a keep-alive timeout, so none would close by itself.
 */
export async function closeServer(server: Server, patience = GRACE_MS): Promise<void> {
  const sweep = setInterval(() => {
    server.closeIdleConnections();
  }, SWEEP_PAUSE_MS);
  const end = setTimeout(() => {
    server.closeAllConnections();
  }, patience);
  await new Promise((resolve) => server.close(resolve));
  clearInterval(sweep);
  clearTimeout(end);
}
