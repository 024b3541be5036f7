/** `berth shim`: serves the plugin's sockets on this host, and forwards calls to the functions. */
import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Driver } from '../protocol/methods.ts';
import { signers } from './aws/signer.ts';
import { FunctionUrlClient } from './cloud/client.ts';
import { retryWithin } from './cloud/retry.ts';
import { Transport } from './cloud/transport.ts';
import type { Verdict } from './cloud/verdict.ts';
import { parseEndpoint } from './endpoint.ts';
import { instanceId } from './host/ec2-instance.ts';
import { FunctionsClient, type FunctionsClientOptions } from './host/functions-client.ts';
import { Handshakes } from './host/handshake.ts';
import { hostIdentity } from './host/identity.ts';
import { KnownNetworks } from './host/known-networks.ts';
import { type MachinePrint, isNameless, machinePrint } from './host/machine.ts';
import { Registration, lineage } from './host/registration.ts';
import { Sequence } from './host/sequence.ts';
import { Journal, type KeptCall } from './journal/journal.ts';
import { Outbox } from './outbox/outbox.ts';
import { Calls } from './plugin/calls.ts';
import { healthOf } from './plugin/health.ts';
import { Metrics } from './plugin/metrics.ts';
import { type PluginHost, pluginServer } from './plugin/plugin.ts';
import { RateGuard } from './plugin/pool-loop-guard.ts';
import { inheritedSockets } from './plugin/socket-activation.ts';
import { type Place, openServer, shutServer } from './plugin/sockets.ts';
import { correctionsOf } from './reconcile/corrections.ts';
import { Docker } from './reconcile/docker-api.ts';
import { countEngines } from './reconcile/engines.ts';
import { FleetRecords } from './reconcile/fleet-records.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import { Sightings } from './reconcile/sightings.ts';
import type { Settings } from './settings.ts';
import { within } from './time.ts';

export interface Shim {
  readonly hostId: string;
  readonly sockets: readonly string[];
  /** Why no network is served yet: no function answers, or the fleet refuses this host. `undefined`: networks are served. */
  readonly warning: string | undefined;
  /** Accepts no new calls, answers those under way, and removes the sockets. */
  stop(): Promise<void>;
}

export interface ShimOptions {
  /** Of the capabilities function. */
  readonly endpoint: string;
  readonly version: string;
  readonly log: Logger;
}

/** ms that a stop waits beyond the time that any call may take. */
const STOP_GRACE = 5_000;
/** ms that a start waits for the fleet's answer about this host. The sockets are open by then. */
const INTRODUCTION = 3_000;

/** What must be undone when the shim stops, the latest first. */
type Undo = (() => Promise<void> | void)[];

/** @throws UserError when the settings do not work; nothing is left behind then. */
export async function serveShim(settings: Settings, options: ShimOptions): Promise<Shim> {
  const undo: Undo = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const host = await assemble(settings, options, undo);
    const sockets = await openPlugins(settings, host, undo);
    await openMetrics(settings, host, undo);
    await Promise.race([host.introduced, delay(INTRODUCTION, undefined, { ref: false })]);
    return { hostId: host.hostId, sockets, warning: host.unable(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Host extends PluginHost {
  readonly hostId: string;
  readonly handshakes: ReadonlyMap<Driver, Handshakes>;
  /** Why no network is served. `undefined`: networks are served, as far as is known. */
  readonly unable: () => string | undefined;
  /** Resolves when the first registration was answered or has failed. */
  readonly introduced: Promise<void>;
}

/** Creates the parts of a shim and connects them. */
async function assemble(settings: Settings, options: ShimOptions, undo: Undo): Promise<Host> {
  const { data, region, budget } = settings;
  const { log } = options;
  const endpoint = parseEndpoint(options.endpoint);
  // A cloud on this machine does not need the instance to tell hosts apart.
  const instance = endpoint.target.protocol === 'https:' ? await instanceId() : undefined;
  const hostId = hostIdentity(data, settings.hostId, undefined, instance);
  const machine = machineOf(settings, endpoint, instance, log);
  const sequence = new Sequence(data);
  const signerOf = signers(region);
  // A missing region should fail now, not at the first call.
  signerOf(endpoint);
  const cloud = new FunctionUrlClient(new Transport(), signerOf);
  const handshakes = await openHandshakes(cloud, settings, endpoint, log, undo);
  const standing = enrol(settings, options, { hostId, machine, cloud, handshakes, sequence }, undo);
  const { journal, outbox, messenger, registration, renew, networks, reconciler, introduced } = standing;
  const unregistered = (): string | undefined => registration.refusal;
  const calls = new Calls({
    journal,
    outbox,
    guard: new RateGuard(),
    attempt: onceRegistered(registration, (call, number, timeout) => messenger.attempt(call, number, timeout)),
    renew,
    networks,
    lost: () => {
      reconciler.soon();
    },
    barred: unregistered,
  });
  const unreached = (): string | undefined => cloud.unreached;
  const metrics = new Metrics({
    journal,
    inFlight: () => calls.inFlight,
    isReached: () => unreached() === undefined,
    findings: () => reconciler.last.findings,
  });
  const health = () =>
    healthOf({
      ...{ hostId, journal, unreached, unregistered },
      leaving: () => registration.leaving,
      rival: () => registration.rival,
      findings: () => reconciler.last.findings,
    });
  const doctor = (isFix: boolean, named: readonly string[]) => reconciler.run(isFix, named);
  let isRegistered = false;
  void registration.registered.then(() => {
    isRegistered = true;
  });
  const unable = (): string | undefined =>
    unreached() ?? unregistered() ?? (isRegistered ? undefined : 'this host is not registered yet: see the log');
  return { hostId, handshakes, unable, introduced, sequence, calls, metrics, log, health, doctor, budget };
}

/** A cloud on this machine is copied together with it, so only a name given by `--machine` distinguishes the copies. */
function machineOf(
  { machine }: Settings,
  { target }: ReturnType<typeof parseEndpoint>,
  instance: string | undefined,
  log: Logger,
): MachinePrint {
  if (target.protocol !== 'https:')
    return machine === undefined ? {} : { Given: machinePrint(machine, undefined).Given ?? '' };
  const print = machinePrint(machine, instance);
  if (isNameless(print)) log.warn('nothing distinguishes this machine from a copy of its disk; name it with --machine');
  return print;
}

/**
 * A copy of another machine's disk must not make requests as that host, so calls wait until the fleet has registered this
 * machine.
 */
const onceRegistered =
  (
    registration: Pick<Registration, 'pending' | 'renew'>,
    attempt: (call: KeptCall, number: number, timeout: number) => Promise<Verdict>,
  ): typeof attempt =>
  async (call, number, timeout) => {
    const began = performance.now();
    if (registration.pending !== undefined) await within(timeout, registration.renew(), () => undefined);
    const reason = registration.pending;
    if (reason !== undefined) return { kind: 'failed', reason, isOpen: false, remedy: 'repeat' };
    return attempt(call, number, Math.max(1, timeout - (performance.now() - began)));
  };

interface Standing {
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly messenger: FunctionsClient;
  readonly registration: Registration;
  readonly renew: (driver: Driver, remedy: 'renew' | 'register') => Promise<void>;
  readonly networks: KnownNetworks;
  readonly reconciler: Reconciler;
  readonly introduced: Promise<void>;
}

/** Registers this host with the fleet, and, once it is registered, continues what an earlier run left. */
function enrol(
  { data, space, drivers: [driver], budget, inFlightBound, reconcile }: Settings,
  { version, log }: ShimOptions,
  parts: Omit<FunctionsClientOptions, 'epoch'> & { readonly machine: MachinePrint },
  undo: Undo,
): Standing {
  const { hostId, machine, sequence } = parts;
  const warn = (message: string): void => {
    log.warn(message);
  };
  const journal = Journal.open(data, { hostId, incarnation: lineage(data) }, { warn });
  undo.push(() => journal.close());
  const messenger = new FunctionsClient({ ...parts, epoch: () => registration.epoch });
  const old = journal.entries();
  const registration: Registration = new Registration({
    ...{ folder: data, version, space, machine },
    send: (message) => messenger.own(driver, '/Berth.Register', message),
    floor: (seen) => {
      sequence.raise(seen);
    },
    renewed: () => {
      for (const { call } of old) journal.deadLetter(call.key, 'an earlier machine of this host id left it');
    },
    returned: () => {
      reconciler.soon();
    },
    warn,
  });
  void registration.registered.then(() => {
    old.length = 0;
  });
  const outbox = new Outbox({ journal, sender: messenger, log, ready: registration.registered, inFlightBound });
  const networks = new KnownNetworks(data, warn);
  const renew: Standing['renew'] = async (driver, remedy) => {
    if (remedy === 'register') await registration.renew();
    else await parts.handshakes.get(driver)?.renew();
  };
  const tenaciously = async (attempt: (number: number, timeout: number) => Promise<Verdict>): Promise<Verdict> =>
    (await retryWithin({ budget, attempt, renew: (remedy) => renew(driver, remedy) })).last;
  const reconciler: Reconciler = new Reconciler({
    ...{ ...reconcile, log, ready: registration.registered, docker: new Docker(reconcile.docker) },
    engines: () => countEngines(),
    held: () => registration.rival,
    table: new FleetRecords((path, message) => tenaciously(() => messenger.own(driver, path, message))),
    hands: correctionsOf({
      ...{ driver, sequence, known: networks, sightings: new Sightings(data) },
      attempt: (call) => tenaciously((number, timeout) => messenger.attempt(call, number, timeout)),
    }),
  });
  outbox.resume();
  const introduced = registration.keep();
  undo.push(() => {
    registration.close();
    return outbox.stop();
  });
  reconciler.start();
  undo.push(() => reconciler.stop());
  return { journal, outbox, messenger, registration, renew, networks, reconciler, introduced };
}

async function openHandshakes(
  cloud: FunctionUrlClient,
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

/** @returns the paths of the plugins' sockets. */
async function openPlugins({ sockets }: Settings, host: Host, undo: Undo): Promise<string[]> {
  mkdirSync(sockets, { recursive: true, mode: 0o755 });
  const inherited = inheritedSockets();
  const paths: string[] = [];
  for (const [driver, handshakes] of host.handshakes) {
    const socket = path.join(sockets, `${driver}.sock`);
    const fd = inherited.get(driver);
    await open(pluginServer(driver, handshakes, host), fd === undefined ? { path: socket } : { fd }, host, undo);
    paths.push(socket);
  }
  return paths;
}

async function openMetrics({ metrics: place }: Settings, host: Host, undo: Undo): Promise<void> {
  if (place !== undefined) await open(host.metrics.server(), place, host, undo);
}

async function open(server: Server, place: Place, { budget }: Host, undo: Undo): Promise<void> {
  await openServer(server, place);
  undo.push(() => shutServer(server, place, budget + STOP_GRACE));
}
