/**
 * Connections that nobody uses must not take the files that calls need: a process that may open no more files fails at
 * whatever it does next, and Node.js closes what it cannot accept without a word.
 */
import type { Server } from 'node:http';
import { readIfThere } from '../files.ts';

/** The share of the files of this process that the connections of one socket may take: 1 of so many. */
const SHARE = 4;
/** ms between two warnings. */
const QUIET = 60_000;

/**
 * How many connections one socket takes at once.
 *
 * @param limits of this process, as Linux tells them. `undefined`: it does not.
 * @returns `undefined`: nothing limits them.
 */
export function mostConnections(limits: string | undefined = readIfThere('/proc/self/limits')): number | undefined {
  const [, files] = /^Max open files\s+(\d+)/m.exec(limits ?? '') ?? [];
  return files === undefined ? undefined : Math.max(1, Math.floor(Number(files) / SHARE));
}

/**
 * Refuses connections beyond a number, so that those that are there are answered.
 *
 * @param most `undefined`: any number.
 * @param warn is told at most once a minute.
 */
export function limitConnections(server: Server, most: number | undefined, warn: (message: string) => void): void {
  if (most === undefined) return;
  server.maxConnections = most;
  let dropped = 0;
  let toldAt = -Infinity;
  server.on('drop', () => {
    dropped++;
    if (performance.now() < toldAt + QUIET) return;
    toldAt = performance.now();
    warn(
      `${dropped} connections to the plugin's socket were refused: ${most} are open, a quarter of the files that Berth ` +
        'may open; find who holds them (ss -xp), or raise LimitNOFILE of berth.service',
    );
    dropped = 0;
  });
}
