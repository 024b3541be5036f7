/** `berth shim`: the plugin's sockets on this host, in front of an endpoint somewhere. */
import { chmodSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import type { Logger } from 'pino';
import { closeServer } from './close-server.ts';
import { parseEndpoint } from './endpoint.ts';
import { Forwarder } from './forwarder.ts';
import { DRIVERS, shakeHands } from './handshake.ts';
import { hostIdentity } from './identity.ts';
import { pluginServer } from './plugin.ts';
import { Sequence } from './sequence.ts';
import { type Settings, UserError, refuseLongSocket } from './settings.ts';

export interface Shim {
  readonly hostId: string;
  readonly sockets: readonly string[];
  /** Takes no new calls, answers those under way, and takes the sockets away. */
  stop(): Promise<void>;
}

/** @throws UserError when the settings do not work out; nothing is left behind then. */
export async function serveShim(settings: Settings, endpointText: string, log: Logger): Promise<Shim> {
  const endpoint = parseEndpoint(endpointText);
  const hostId = hostIdentity(settings.data, settings.hostId);
  const host = { hostId, sequence: new Sequence(settings.data), forwarder: new Forwarder(), log };
  mkdirSync(settings.sockets, { recursive: true, mode: 0o755 });
  const open: { server: Server; socket: string }[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(open.map(({ server, socket }) => closeSocket(server, socket)));
  };
  try {
    for (const driver of DRIVERS) {
      const warn = (message: string): void => {
        log.warn({ driver }, message);
      };
      const handshake = await shakeHands(endpoint, driver, settings.space, settings.data, warn);
      const socket = path.join(settings.sockets, `${driver}.sock`);
      const server = pluginServer(driver, handshake, host);
      await openSocket(server, socket);
      open.push({ server, socket });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { hostId, sockets: open.map(({ socket }) => socket), stop };
}

async function openSocket(server: Server, socket: string): Promise<void> {
  refuseLongSocket(socket);
  await clearStale(socket);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  chmodSync(socket, 0o600);
}

/** A socket that a killed shim left behind is taken over; one that somebody serves is not. */
async function clearStale(socket: string): Promise<void> {
  if (!existsSync(socket)) return;
  if (!statSync(socket).isSocket()) throw new UserError(`${socket} is in the way: it is no socket`);
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
    throw new UserError(`another program serves ${socket}: stop it first, or choose another folder with --sockets`);
  rmSync(socket);
}

async function closeSocket(server: Server, socket: string): Promise<void> {
  // First out of sight, so that dockerd waits for the next shim instead of meeting a closing one.
  rmSync(socket, { force: true });
  await closeServer(server);
}
