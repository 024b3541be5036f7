/**
 * Unused connections must not take the files that calls need. A process that may open no more files fails at whatever it
 * does next, and Node.js silently closes connections that it cannot accept.
 */
import type { Server } from 'node:http';
import { readIfThere } from '../files.ts';

/** The connections of one socket may take one part in this many of the files that the process may open. */
const FILES_PER_CONNECTION = 4;
/** ms between two warnings. */
const WARNING_PAUSE_MS = 60_000;

/**
 * How many connections one socket accepts at once.
 *
 * @param limits of this process, as Linux lists them. `undefined`: not available.
 * @returns `undefined`: there is no limit.
 */
export function mostConnections(limits: string | undefined = readIfThere('/proc/self/limits')): number | undefined {
  const [, files] = /^Max open files\s+(\d+)/m.exec(limits ?? '') ?? [];
  return files === undefined ? undefined : Math.max(1, Math.floor(Number(files) / FILES_PER_CONNECTION));
}

/**
 * Refuses connections beyond a number, so that the open ones are answered.
 *
 * @param most `undefined`: no limit.
 * @param warn is called at most once a minute.
 */
export function limitConnections(server: Server, most: number | undefined, warn: (message: string) => void): void {
  if (most === undefined) return;
  server.maxConnections = most;
  let dropped = 0;
  let toldAt = -Infinity;
  server.on('drop', () => {
    dropped++;
    if (performance.now() < toldAt + WARNING_PAUSE_MS) return;
    toldAt = performance.now();
    warn(
      `${dropped} connections to the plugin's socket were refused: ${most} are open, a quarter of the files that Berth ` +
        'may open; find the program that holds them (ss -xp), or raise LimitNOFILE of berth.service',
    );
    dropped = 0;
  });
}
