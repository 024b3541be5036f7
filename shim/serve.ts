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
import { type Endpoint, parseEndpoint } from './endpoint.ts';
import { messageOf } from './error-message.ts';
import { instanceId } from './host/ec2-instance.ts';
import { FunctionsClient } from './host/functions-client.ts';
import { Handshakes } from './host/handshake.ts';
import { hostIdentity } from './host/identity.ts';
import { KnownNetworks } from './host/known-networks.ts';
import { type MachinePrint, isNameless, machinePrint } from './host/machine.ts';
import { Registration, lineage } from './host/registration.ts';
import { Sequence } from './host/sequence.ts';
import { Journal } from './journal/journal.ts';
import { Outbox } from './outbox/outbox.ts';
import { Calls, type CallsOptions } from './plugin/calls.ts';
import { type Health, healthOf } from './plugin/health.ts';
import { Metrics } from './plugin/metrics.ts';
import { type PluginHost, pluginServer } from './plugin/plugin.ts';
import { RateGuard } from './plugin/pool-loop-guard.ts';
import { inheritedSockets } from './plugin/socket-activation.ts';
import { type Status, statusOf } from './plugin/status.ts';
import { type Place, openServer, shutServer } from './plugin/sockets.ts';
import { correctionsOf } from './reconcile/corrections.ts';
import { Docker } from './reconcile/docker-api.ts';
import { countEngines } from './reconcile/engines.ts';
import { FleetRecords } from './reconcile/fleet-records.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import { Sightings } from './reconcile/sightings.ts';
import type { Settings } from './settings.ts';
import { within } from './time.ts';
import { UserError } from './user-error.ts';

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
const STOP_GRACE_MS = 5_000;
/** ms that a start waits for the fleet's answer about this host. The sockets are open by then. */
const INTRODUCTION_MS = 3_000;

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
    await Promise.race([host.introduced, delay(INTRODUCTION_MS, undefined, { ref: false })]);
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

/** Creates the parts of a shim and connects them, each to those before it. */
async function assemble(settings: Settings, options: ShimOptions, undo: Undo): Promise<Host> {
  const { log } = options;
  const reached = await reach(settings, options, undo);
  const { hostId, sequence, cloud, handshakes, functions } = reached;
  const enrolled = enrol(settings, options, reached, undo);
  const { journal, registration, outbox, networks } = enrolled;
  const renew: CallsOptions['renew'] = async (driver, remedy) => {
    if (remedy === 'register') await registration.renew();
    else await handshakes.get(driver)?.renew();
  };
  const reconciler = reconcilerOf(settings, { ...reached, ...enrolled, renew, log });
  const compareSoon = (): void => {
    reconciler.soon();
  };
  registration.on('returned', compareSoon);
  outbox.resume();
  const introduced = registration.keep();
  undo.push(() => {
    registration.close();
    return outbox.stop();
  });
  reconciler.start();
  undo.push(() => reconciler.stop());
  const attempt = onceRegistered(registration, functions);
  const barred = (): string | undefined => registration.refusal;
  const guard = new RateGuard();
  const calls = new Calls({ journal, outbox, guard, attempt, renew, networks, lost: compareSoon, barred });
  const metrics = new Metrics({
    journal,
    inFlight: () => calls.inFlight,
    isReached: () => cloud.unreached === undefined,
    findings: () => reconciler.last.findings,
  });
  const { health, status } = selfReports(settings, options, { ...reached, ...enrolled, reconciler });
  const doctor = (isFix: boolean, named: readonly string[]) => reconciler.run(isFix, named);
  const unable = (): string | undefined =>
    cloud.unreached ??
    registration.refusal ??
    (registration.pending === undefined ? undefined : 'this host is not registered yet: see the log');
  const { budget } = settings;
  return { hostId, handshakes, unable, introduced, sequence, calls, metrics, log, health, status, doctor, budget };
}

/** What the shim says about itself and its host. */
function selfReports(
  { data, reconcile: { mode } }: Settings,
  { version, endpoint }: ShimOptions,
  { hostId, cloud, journal, registration, reconciler }: Reached & Enrolled & { readonly reconciler: Reconciler },
) {
  const startedAt = Date.now();
  const health = (): Health =>
    healthOf({
      hostId,
      journal,
      unreached: cloud.unreached,
      unregistered: registration.refusal,
      leaving: registration.leaving,
      rival: registration.rival,
      findings: reconciler.last.findings,
    });
  const status = (): Status => {
    const standing = cloud.standingAt(parseEndpoint(endpoint));
    const comparison = { mode, at: undefined, ...reconciler.last };
    return statusOf({
      version,
      startedAt,
      data,
      endpoint,
      answeredAt: cloud.answeredAt,
      standing,
      comparison,
      health: health(),
    });
  };
  return { health, status };
}

interface Reached {
  readonly hostId: string;
  readonly machine: MachinePrint;
  readonly sequence: Sequence;
  readonly cloud: FunctionUrlClient;
  readonly handshakes: ReadonlyMap<Driver, Handshakes>;
  readonly functions: FunctionsClient;
}

/** Finds out which host this is, and where the functions are. */
async function reach(settings: Settings, { endpoint: text, log }: ShimOptions, undo: Undo): Promise<Reached> {
  const { data, region, drivers, space } = settings;
  const endpoint = parseEndpoint(text);
  // A cloud on this machine does not need the instance to tell hosts apart.
  const instance = endpoint.target.protocol === 'https:' ? await instanceId() : undefined;
  const hostId = hostIdentity(data, settings.hostId, undefined, instance);
  const machine = machineOf(settings, endpoint, instance, log);
  const sequence = new Sequence(data);
  const signerOf = signers(region);
  // A missing region should fail now, not at the first call.
  signerOf(endpoint);
  const cloud = new FunctionUrlClient(new Transport(), signerOf);
  const open = async (driver: Driver) => {
    const warn = (message: string): void => {
      log.warn({ driver }, message);
    };
    const opened = await Handshakes.open(cloud, { endpoint, driver, space, folder: data, warn });
    undo.push(() => {
      opened.close();
    });
    return [driver, opened] as const;
  };
  const handshakes = new Map(await Promise.all(drivers.map(open)));
  const functions = new FunctionsClient({ hostId, cloud, handshakes, sequence });
  return { hostId, machine, sequence, cloud, handshakes, functions };
}

/** A cloud on this machine is copied together with it, so only a name given by `--machine` distinguishes the copies. */
function machineOf(
  { machine }: Settings,
  { target }: Endpoint,
  instance: string | undefined,
  log: Logger,
): MachinePrint {
  if (target.protocol !== 'https:')
    return machine === undefined ? {} : { Given: machinePrint(machine, undefined).Given ?? '' };
  const print = machinePrint(machine, instance);
  if (isNameless(print)) log.warn('nothing distinguishes this machine from a copy of its disk; name it with --machine');
  return print;
}

interface Enrolled {
  readonly journal: Journal;
  readonly registration: Registration;
  readonly outbox: Outbox;
  readonly networks: KnownNetworks;
}

/** Opens what an earlier run left, to be continued once this host is registered. */
function enrol(settings: Settings, { version, log }: ShimOptions, reached: Reached, undo: Undo): Enrolled {
  const { data: folder, space, inFlightBound } = settings;
  const [driver] = settings.drivers;
  const { hostId, machine, sequence, functions } = reached;
  const warn = (message: string): void => {
    log.warn(message);
  };
  const journal = Journal.open(folder, { hostId, incarnation: lineage(folder) }, { warn });
  undo.push(() => journal.close());
  const old = journal.entries();
  const send = (message: object): Promise<Verdict> => functions.own(driver, '/Berth.Register', message);
  const registration = new Registration({ folder, version, space, machine, send, warn });
  registration.on('floor', (seen) => {
    sequence.raise(seen);
  });
  registration.on('renewed', () => {
    for (const { call } of old) journal.deadLetter(call.key, 'an earlier machine of this host id left it');
  });
  registration.on('returned', (epoch) => {
    functions.epoch = epoch;
  });
  void registration.registered.then(() => {
    old.length = 0;
  });
  const outbox = new Outbox({ journal, sender: functions, log, ready: registration.registered, inFlightBound });
  return { journal, registration, outbox, networks: new KnownNetworks(folder, warn) };
}

interface ReconcilerParts extends Reached, Enrolled {
  readonly renew: CallsOptions['renew'];
  readonly log: Logger;
}

function reconcilerOf({ data, drivers: [driver], budget, reconcile }: Settings, parts: ReconcilerParts): Reconciler {
  const { sequence, functions, registration, networks, renew, log } = parts;
  const tenaciously = async (attempt: (number: number, timeout: number) => Promise<Verdict>): Promise<Verdict> =>
    (await retryWithin({ budget, attempt, renew: (remedy) => renew(driver, remedy) })).last;
  return new Reconciler({
    mode: reconcile.mode,
    every: reconcile.every,
    secondLook: reconcile.secondLook,
    log,
    ready: registration.registered,
    docker: new Docker(reconcile.docker),
    engines: () => countEngines(),
    held: () => registration.rival,
    table: new FleetRecords((path, message) => tenaciously(() => functions.own(driver, path, message))),
    hands: correctionsOf({
      driver,
      sequence,
      known: networks,
      sightings: new Sightings(data),
      attempt: (call) => tenaciously((number, timeout) => functions.attempt(call, number, timeout)),
    }),
  });
}

/**
 * A copy of another machine's disk must not make requests as that host, so calls wait until the fleet has registered this
 * machine.
 */
const onceRegistered =
  (registration: Registration, functions: FunctionsClient): CallsOptions['attempt'] =>
  async (call, number, timeout) => {
    const began = performance.now();
    if (registration.pending !== undefined) await within(timeout, registration.renew(), () => undefined);
    const reason = registration.pending;
    if (reason !== undefined) return { kind: 'failed', reason, isOpen: false, remedy: 'repeat' };
    return functions.attempt(call, number, Math.max(1, timeout - (performance.now() - began)));
  };

/** @returns the paths of the plugins' sockets. */
async function openPlugins({ sockets }: Settings, host: Host, undo: Undo): Promise<string[]> {
  makeFolder(sockets);
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

/** @throws UserError when this user may not create it, or a file is in its place. */
function makeFolder(sockets: string): void {
  try {
    mkdirSync(sockets, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new UserError(
      `the folder of the sockets ${sockets} cannot be created: ${messageOf(error)}; run berth as a user who may, or choose ` +
        'another folder with --sockets',
      { cause: error },
    );
  }
}

async function openMetrics({ metrics: place }: Settings, host: Host, undo: Undo): Promise<void> {
  if (place !== undefined) await open(host.metrics.server(), place, host, undo);
}

async function open(server: Server, place: Place, { budget }: Host, undo: Undo): Promise<void> {
  await openServer(server, place);
  undo.push(() => shutServer(server, place, budget + STOP_GRACE_MS));
}
