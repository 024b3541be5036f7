#!/usr/bin/env node
/** The program `berth`. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Logger, destination, pino } from 'pino';
import manifest from '../package.json' with { type: 'json' };
import { askDoctor, isLeft, tellDiagnosis } from './doctor.ts';
import { type Health, askHealth } from './health.ts';
import { lockFolder } from './lock.ts';
import { messageOf } from './message-of.ts';
import { hostCommands } from './operator.ts';
import { type Shim, serveShim } from './serve.ts';
import {
  DRIVERS,
  type Driver,
  RECONCILE_MODES,
  type ReconcileMode,
  type Settings,
  UserError,
  defaultData,
  defaultDocker,
  defaultSockets,
  isRoot,
  parseDockerSocket,
  parseDrivers,
  parseMetricsPlace,
} from './settings.ts';
import { spaceCommands } from './space.ts';
import { startCloud } from './up.ts';

/** Where a shim is asked. */
interface Location {
  readonly sockets: string;
  readonly drivers: string;
}

interface CommonOptions extends Location {
  readonly data: string;
  readonly space: string;
  readonly hostId?: string;
  readonly region?: string;
  readonly deadline: number;
  readonly inFlightBound?: number;
  readonly logLevel: Level;
  readonly metrics?: string;
  readonly docker: string;
  readonly reconcile: ReconcileMode;
  readonly reconcileEvery: number;
  readonly secondLook: number;
}

interface CloudOptions {
  readonly dynamodb?: string;
  readonly sweepEvery?: number;
}

/** ms that a function may take (serverless.yml), and what clocks and queues may add. */
const FUNCTION_TIMEOUT = 10_000;
const MARGIN = 5_000;

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
type Level = (typeof LEVELS)[number];

const program = new Command('berth')
  .description('IP address management for fleets of Docker hosts, with DynamoDB as its only authority')
  .version(manifest.version)
  .showHelpAfterError();

common(program.command('shim'))
  .description('serve the plugin on this host and forward its calls to the functions')
  .addOption(
    new Option(
      '--endpoint <url>',
      "the capabilities function's: https://…, unix:/PATH, or http:// on this machine",
    ).env('BERTH_ENDPOINT'),
  )
  .option('--health', 'ask the shim that runs how it is: exit code 0 ok, 1 failing or not running, 2 degraded')
  .action(async (options: CommonOptions & { endpoint?: string; health?: boolean }) => {
    if (options.health === true) await tellHealth(options);
    else await runShim(options, options.endpoint);
  });

located(program.command('doctor'))
  .description(
    'compare what Docker on this host has with what the table says; exit code 0: they agree, 1: see the text',
  )
  .option('--fix', 'mend what differs: without it, it is only told')
  .action(async ({ sockets, drivers, fix }: Location & { fix?: boolean }) => {
    const diagnosis = await askDoctor(socketOf(sockets, parseDrivers(drivers)), fix === true);
    console.log(tellDiagnosis(diagnosis));
    if (isLeft(diagnosis)) process.exitCode = 1;
  });

common(program.command('up'))
  .description('run all of Berth on this machine: table, functions and plugin')
  .option('--dynamodb <url>', 'use another DynamoDB-compatible endpoint than the embedded engine')
  .addOption(
    new Option('--sweep-every <ms>', 'pause between two sweeps').argParser(numberBetween(1, 3_600_000)).hideHelp(),
  )
  .action(async (options: CommonOptions & CloudOptions) => {
    await runUp(options);
  });

hostCommands(program);
spaceCommands(program);

function option(flags: string, description: string, env: string): Option {
  return new Option(flags, description).env(env);
}

function located(command: Command): Command {
  return command
    .option('--sockets <dir>', "folder of the plugin's sockets", defaultSockets())
    .addOption(option('--drivers <names>', 'which drivers to serve', 'BERTH_DRIVERS').default(DRIVERS.join(',')));
}

/** Any of a shim's sockets will do. */
const socketOf = (folder: string, [driver]: readonly [Driver, ...Driver[]]): string =>
  path.join(path.resolve(folder), `${driver}.sock`);

function common(command: Command): Command {
  return located(command)
    .option('--data <dir>', 'folder of what must survive a restart', defaultData())
    .addOption(
      option('--space <name>', 'the address space of networks that name none', 'BERTH_SPACE').default('default'),
    )
    .addOption(
      option(
        '--host-id <id>',
        'who this host is to the fleet (default: as before, else its EC2 instance, else from /etc/machine-id)',
        'BERTH_HOST_ID',
      ),
    )
    .addOption(option('--region <region>', "AWS region, where the endpoint's name does not tell it", 'BERTH_REGION'))
    .addOption(
      option('--deadline <seconds>', 'within which every call of dockerd is answered', 'BERTH_DEADLINE')
        .argParser(numberBetween(1, 600))
        .default(20),
    )
    .addOption(hidden('--in-flight-bound <ms>', 'after which a request that was given up can take effect no more'))
    .addOption(option('--log-level <level>', 'what is worth a line', 'BERTH_LOG_LEVEL').choices(LEVELS).default('info'))
    .addOption(
      option(
        '--metrics <place>',
        'where Prometheus may ask: 127.0.0.1:PORT or unix:/PATH (default: nowhere)',
        'BERTH_METRICS',
      ),
    )
    .addOption(
      option('--docker <socket>', "Docker's socket, to compare what it has with the table", 'BERTH_DOCKER').default(
        `unix://${defaultDocker()}`,
      ),
    )
    .addOption(
      option(
        '--reconcile <mode>',
        'every hour, where the two differ: mend it, only say so, or do not look',
        'BERTH_RECONCILE',
      )
        .choices(RECONCILE_MODES)
        .default('fix'),
    )
    .addOption(hidden('--reconcile-every <ms>', 'pause between two rounds').default(3_600_000))
    .addOption(hidden('--second-look <ms>', 'after which what was seen twice is believed').default(300_000));
}

/** A time that only tests change. */
function hidden(flags: string, description: string): Option {
  return new Option(flags, description).argParser(numberBetween(1, 86_400_000)).hideHelp();
}

function numberBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`give a number from ${least} to ${most}`);
  };
}

/** For service managers and load balancers: the exit code says how the shim is, the text why. */
async function tellHealth(options: CommonOptions): Promise<void> {
  const { sockets, drivers } = prepareSettings(options);
  const socket = socketOf(sockets, drivers);
  let health: Health;
  try {
    health = await askHealth(socket);
  } catch (error) {
    const why = messageOf(error);
    throw new UserError(`no shim answers at ${socket}: ${why}`, { cause: error });
  }
  console.log(JSON.stringify(health));
  process.exitCode = { ok: 0, failing: 1, degraded: 2 }[health.status];
}

async function runShim(options: CommonOptions, endpoint: string | undefined): Promise<void> {
  if (endpoint === undefined)
    throw new UserError("name the capabilities function's URL with --endpoint or BERTH_ENDPOINT");
  const signal = terminated();
  const settings = prepare(options);
  const lock = lockFolder(settings.data);
  const shim = await serveShim(settings, { endpoint, version: manifest.version, log: logger(options.logLevel) });
  announce(shim, settings);
  await signal;
  await shim.stop();
  lock.close();
}

async function runUp(options: CommonOptions & CloudOptions): Promise<void> {
  const signal = terminated();
  const settings = prepare(options);
  const lock = lockFolder(settings.data);
  const cloud = await startCloud(settings.data, options.dynamodb, options.sweepEvery);
  try {
    const shim = await serveShim(settings, {
      endpoint: cloud.endpoint,
      version: manifest.version,
      log: logger(options.logLevel),
    });
    announce(shim, settings, cloud.endpoint);
    const reason = await Promise.race([signal, cloud.ended.then(() => 'cloud' as const)]);
    await shim.stop();
    if (reason === 'cloud') throw new UserError('the embedded cloud has ended: see above');
  } finally {
    await cloud.stop();
  }
  lock.close();
}

function prepare(options: CommonOptions): Settings {
  const settings = prepareSettings(options);
  // Sockets, keys and data are for the user who runs this, nobody else.
  process.umask(0o077);
  mkdirSync(settings.data, { recursive: true, mode: 0o700 });
  return settings;
}

function prepareSettings(options: CommonOptions): Settings {
  const { sockets, data, space, hostId, region, metrics } = options;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,54}$/.test(space)) {
    throw new UserError(`bad space ${JSON.stringify(space)}: letters, digits and . _ - only, at most 55`);
  }
  return {
    sockets: path.resolve(sockets),
    data: path.resolve(data),
    space,
    // A variable that is set to nothing is as good as none.
    hostId: hostId === '' ? undefined : hostId,
    drivers: parseDrivers(options.drivers),
    region: region === '' ? process.env['AWS_REGION'] : (region ?? process.env['AWS_REGION']),
    budget: options.deadline * 1_000,
    inFlightBound: options.inFlightBound ?? options.deadline * 1_000 + FUNCTION_TIMEOUT + MARGIN,
    reconcile: {
      docker: parseDockerSocket(options.docker),
      mode: options.reconcile,
      every: options.reconcileEvery,
      secondLook: options.secondLook,
    },
    metrics: metrics === undefined || metrics === '' ? undefined : parseMetricsPlace(metrics),
  };
}

/** Where Docker looks for plugins, and where a file with `unix://PATH` in it shows it another place. */
const DOCKER_SOCKETS = '/run/docker/plugins';
const SPEC_FILES = '/etc/docker/plugins/berth.spec (unix://PATH)';

/** Of lines that wait to be written; what comes on top is lost. */
const MOST_LOG_BYTES = 1_048_576;

/** The log goes to standard error, as one line of JSON per event. */
function logger(level: Level): Logger {
  const stderr = destination({ dest: 2, sync: false, maxLength: MOST_LOG_BYTES });
  // A log that cannot be written, on a full disk for one, must cost dockerd no answer, and nobody waits for it at the end.
  stderr.on('error', () => {
    stderr.flushSync = () => undefined;
  });
  return pino({ base: null, level, timestamp: pino.stdTimeFunctions.isoTime }, stderr);
}

function announce({ hostId, sockets, warning }: Shim, { data, sockets: folder }: Settings, endpoint?: string): void {
  const lines = [
    'Berth is ready.',
    `  host     ${hostId}`,
    `  data     ${data}`,
    ...sockets.map((socket, i) => `  ${i === 0 ? 'sockets ' : '        '} ${socket}`),
    ...(endpoint === undefined ? [] : [`  endpoint ${endpoint} (for berth shim --endpoint)`]),
    ...(warning === undefined ? [] : [`  warning  ${warning}`]),
    ...(folder === DOCKER_SOCKETS
      ? []
      : [`  note     Docker looks in ${DOCKER_SOCKETS}: name these sockets in ${SPEC_FILES}`]),
    `  try      ${isRoot() ? '' : 'sudo '}docker network create --ipam-driver berth demo`,
  ];
  console.log(lines.join('\n'));
}

/** Asked for before anything starts: a signal that comes while it starts must not leave half of it behind. */
const terminated = (): Promise<'signal'> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        resolve('signal');
      });
    }
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`berth: ${error.message}`);
  process.exitCode = 1;
}
