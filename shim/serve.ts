/** `berth shim`: the plugin's sockets on this host, in front of functions somewhere. */
import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import path from 'node:path';
import type { Logger } from 'pino';
import { inheritedSockets } from './activation.ts';
import { signers } from './aws/signer.ts';
import { Calls } from './calls.ts';
import { Cloud } from './cloud/cloud.ts';
import { Transport } from './cloud/transport.ts';
import { parseEndpoint } from './endpoint.ts';
import { Handshakes } from './handshake.ts';
import { healthOf } from './health.ts';
import { hostIdentity } from './identity.ts';
import { instanceId } from './instance.ts';
import { Journal } from './journal/journal.ts';
import { Messenger } from './messenger.ts';
import { Metrics } from './metrics.ts';
import { Outbox } from './outbox.ts';
import { type PluginHost, pluginServer } from './plugin.ts';
import { RateGuard } from './rate-guard.ts';
import { Registration, lineage } from './registration.ts';
import { Sequence } from './sequence.ts';
import type { Driver, Settings } from './settings.ts';
import { type Place, openServer, shutServer } from './sockets.ts';

export interface Shim {
  readonly hostId: string;
  readonly sockets: readonly string[];
  /** Why the functions cannot be asked yet. `undefined`: they can. */
  readonly warning: string | undefined;
  /** Takes no new calls, answers those under way, and takes the sockets away. */
  stop(): Promise<void>;
}

export interface ShimOptions {
  /** The capabilities function's. */
  readonly endpoint: string;
  readonly version: string;
  readonly log: Logger;
}

/** What must be undone when the shim stops, the latest first. */
type Undo = (() => Promise<void> | void)[];

/** @throws UserError when the settings do not work out; nothing is left behind then. */
export async function serveShim(settings: Settings, options: ShimOptions): Promise<Shim> {
  const undo: Undo = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const host = await assemble(settings, options, undo);
    const sockets = await openPlugins(settings, host, undo);
    await openMetrics(settings, host, undo);
    return { hostId: host.hostId, sockets, warning: host.unreached(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Host extends PluginHost {
  readonly hostId: string;
  readonly handshakes: ReadonlyMap<Driver, Handshakes>;
  readonly unreached: () => string | undefined;
}

/** The parts of a shim, each given what it needs. */
async function assemble(settings: Settings, options: ShimOptions, undo: Undo): Promise<Host> {
  const { data, drivers, region, budget, inFlightBound } = settings;
  const { version, log } = options;
  const warn = (message: string): void => {
    log.warn(message);
  };
  const endpoint = parseEndpoint(options.endpoint);
  // A cloud on this machine needs no instance to be told apart.
  const instance = endpoint.target.protocol === 'https:' ? await instanceId() : undefined;
  const hostId = hostIdentity(data, settings.hostId, undefined, instance);
  const sequence = new Sequence(data);
  const signerOf = signers(region);
  // Whoever forgot the region should know now, not at the first call.
  signerOf(endpoint);
  const cloud = new Cloud(new Transport(), signerOf);
  const handshakes = await openHandshakes(cloud, settings, endpoint, log, undo);
  const journal = Journal.open(data, { hostId, incarnation: lineage(data) }, { warn });
  undo.push(() => journal.close());
  const old = journal.entries();
  const epoch = (): number => registration.epoch;
  const messenger = new Messenger({ hostId, cloud, handshakes, sequence, epoch });
  const [firstDriver] = drivers;
  const registration = new Registration({
    folder: data,
    version,
    send: (message) => messenger.own(firstDriver, '/Berth.Register', message),
    floor: (sequenceSeen) => {
      sequence.raise(sequenceSeen);
    },
    renewed: () => {
      for (const { call } of old) journal.deadLetter(call.key, 'an earlier machine of this host id left it');
    },
    warn,
  });
  const outbox = new Outbox({ journal, sender: messenger, log, ready: registration.registered, inFlightBound });
  outbox.resume();
  void registration.keep();
  undo.push(() => {
    registration.close();
    return outbox.stop();
  });
  const calls = new Calls({
    journal,
    outbox,
    guard: new RateGuard(),
    attempt: (call, number, timeout) => messenger.attempt(call, number, timeout),
    renew: (driver) => handshakes.get(driver)?.renew() ?? Promise.resolve(),
    barred: () => registration.refusal,
    budget,
  });
  const unreached = (): string | undefined => cloud.unreached;
  const unregistered = (): string | undefined => registration.refusal;
  const metrics = new Metrics({
    journal,
    inFlight: () => calls.inFlight,
    isReached: () => unreached() === undefined,
  });
  const health = () => healthOf({ hostId, journal, unreached, unregistered });
  return { hostId, handshakes, unreached, sequence, calls, metrics, log, health, budget };
}

async function openHandshakes(
  cloud: Cloud,
  { data, drivers, space }: Settings,
  endpoint: ReturnType<typeof parseEndpoint>,
  log: Logger,
  undo: Undo,
): Promise<Map<Driver, Handshakes>> {
  const opened = await Promise.all(
    drivers.map(async (driver) => {
      const warn = (message: string): void => {
        log.warn({ driver }, message);
      };
      const handshakes = await Handshakes.open(cloud, { endpoint, driver, space, folder: data, warn });
      undo.push(() => {
        handshakes.close();
      });
      return [driver, handshakes] as const;
    }),
  );
  return new Map(opened);
}

/** @returns where the plugins are asked. */
async function openPlugins({ sockets }: Settings, host: Host, undo: Undo): Promise<string[]> {
  mkdirSync(sockets, { recursive: true, mode: 0o755 });
  const inherited = inheritedSockets();
  const paths: string[] = [];
  for (const [driver, handshakes] of host.handshakes) {
    const socket = path.join(sockets, `${driver}.sock`);
    const fd = inherited.get(driver);
    await open(pluginServer(driver, handshakes, host), fd === undefined ? { path: socket } : { fd }, undo);
    paths.push(socket);
  }
  return paths;
}

async function openMetrics({ metrics: place }: Settings, { metrics }: Host, undo: Undo): Promise<void> {
  if (place !== undefined) await open(metrics.server(), place, undo);
}

async function open(server: Server, place: Place, undo: Undo): Promise<void> {
  await openServer(server, place);
  undo.push(() => shutServer(server, place));
}
