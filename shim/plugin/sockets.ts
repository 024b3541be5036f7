/** The sockets that Berth serves: owned by the user who runs it, taken over from a killed shim, removed at the end. */
import { chmodSync, existsSync, rmSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { closeServer } from '../close-server.ts';
import { type MetricsPlace, refuseLongSocket } from '../settings.ts';
import { UserError } from '../user-error.ts';

/** Where a server listens: a path, a port on loopback, or a socket that the service manager has already opened. */
export type Place = MetricsPlace | { readonly fd: number };

/** @throws UserError when the place is taken, or this user may not listen there. */
export async function openServer(server: Server, place: Place): Promise<void> {
  if ('path' in place) {
    refuseLongSocket(place.path);
    await clearStale(place.path);
  }
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(new UserError(whyNot(place, error), { cause: error }));
    };
    server.once('error', fail);
    server.listen(place, () => {
      server.off('error', fail);
      resolve();
    });
  });
  if ('path' in place) chmodSync(place.path, 0o600);
}

function whyNot(place: Place, error: Error): string {
  if ('port' in place) {
    const taken = 'code' in error && error.code === 'EADDRINUSE' ? 'another program listens there' : error.message;
    return `metrics cannot be served at ${place.host}:${place.port}: ${taken}; choose another place with --metrics`;
  }
  if ('fd' in place) return `the service manager's socket cannot be used: ${error.message}`;
  // Node reports a missing folder as one without permission.
  const remedy = 'its folder must exist, and berth run as a user who may write there; or choose another folder';
  return `the socket ${place.path} cannot be opened: ${error.message}; ${remedy}`;
}

/** Removes a socket that a killed shim left behind, but not one that a program serves. */
async function clearStale(socket: string): Promise<void> {
  if (!existsSync(socket)) return;
  if (!statSync(socket).isSocket())
    throw new UserError(`${socket} exists and is not a socket; remove it, or choose another path`);
  const served = await new Promise<boolean>((resolve) => {
    const probe = connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => {
      resolve(false);
    });
  });
  if (served)
    throw new UserError(`another program serves ${socket}; stop it first, or choose another folder with --sockets`);
  rmSync(socket);
}

/** Answers the requests under way. The socket's file is removed first, so that dockerd waits for the next shim. */
export async function shutServer(server: Server, place: Place, patience?: number): Promise<void> {
  if ('path' in place) rmSync(place.path, { force: true });
  await closeServer(server, patience);
}
