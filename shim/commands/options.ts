/** The options of `berth`, most of which are also environment variables, and the settings made from them. */
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { MAX_DEFAULT_SPACE_NAME, isLocalSpaceName } from '../../protocol/ids.ts';
import { DRIVERS, type Driver } from '../../protocol/methods.ts';
import {
  RECONCILE_MODES,
  type ReconcileMode,
  type Settings,
  defaultData,
  defaultDocker,
  defaultSockets,
  parseDockerSocket,
  parseDrivers,
  parseMetricsPlace,
} from '../settings.ts';
import { UsageError } from '../user-error.ts';

/** Where a running shim can be asked. */
export interface Location {
  readonly sockets: string;
  readonly drivers: string;
}

export interface CommonOptions extends Location {
  readonly data: string;
  readonly space: string;
  readonly hostId?: string;
  readonly machine?: string;
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

/** ms that a function may take (serverless.yml), and ms that clocks and queues may add. */
const FUNCTION_TIMEOUT_MS = 10_000;
const QUEUE_MARGIN_MS = 5_000;

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type Level = (typeof LEVELS)[number];

function option(flags: string, description: string, env: string): Option {
  return new Option(flags, description).env(env);
}

/** Adds the options that say where a running shim can be asked. */
export function located(command: Command): Command {
  return command
    .option('--sockets <dir>', "folder of the plugin's sockets", defaultSockets())
    .addOption(option('--drivers <names>', 'which drivers to serve', 'BERTH_DRIVERS').default(DRIVERS.join(',')));
}

/** Any of a shim's sockets will do. */
export const socketOf = (folder: string, [driver]: readonly [Driver, ...Driver[]]): string =>
  path.join(path.resolve(folder), `${driver}.sock`);

/** Adds the options that every shim needs. */
export function common(command: Command): Command {
  return located(command)
    .option('--data <dir>', 'folder for the data that must survive a restart', defaultData())
    .addOption(
      option('--space <name>', 'the address space of networks that do not name one', 'BERTH_SPACE').default('default'),
    )
    .addOption(
      option(
        '--host-id <id>',
        'id of this host in the fleet (default: the id used before, the EC2 instance id, or one from /etc/machine-id)',
        'BERTH_HOST_ID',
      ),
    )
    .addOption(
      option(
        '--machine <name>',
        'what distinguishes this machine from copies of its disk (default: its instance, firmware and network cards)',
        'BERTH_MACHINE',
      ),
    )
    .addOption(option('--region <region>', "AWS region, if the endpoint's name does not contain it", 'BERTH_REGION'))
    .addOption(
      option('--deadline <seconds>', 'time within which every call of dockerd is answered', 'BERTH_DEADLINE')
        .argParser(numberBetween(1, 600))
        .default(20),
    )
    .addOption(
      hidden('--in-flight-bound <ms>', 'time after which a request that was given up can no longer take effect'),
    )
    .addOption(
      option('--log-level <level>', 'least severe level that is logged', 'BERTH_LOG_LEVEL')
        .choices(LEVELS)
        .default('info'),
    )
    .addOption(
      option(
        '--metrics <place>',
        'where metrics are served for Prometheus: 127.0.0.1:PORT or unix:/PATH (default: nowhere)',
        'BERTH_METRICS',
      ),
    )
    .addOption(
      option('--docker <socket>', "Docker's socket, to compare Docker with the table", 'BERTH_DOCKER').default(
        `unix://${defaultDocker()}`,
      ),
    )
    .addOption(
      option(
        '--reconcile <mode>',
        'what to do about differences between Docker and the table every hour: correct them, only report them, or nothing',
        'BERTH_RECONCILE',
      )
        .choices(RECONCILE_MODES)
        .default('fix'),
    )
    .addOption(hidden('--reconcile-every <ms>', 'pause between two rounds').default(3_600_000))
    .addOption(
      hidden('--second-look <ms>', 'time between two sightings, after which a finding is acted on').default(300_000),
    );
}

/** A time option that only tests use. */
function hidden(flags: string, description: string): Option {
  return new Option(flags, description).argParser(numberBetween(1, 86_400_000)).hideHelp();
}

/** A parser for an argument that is a number. */
export function numberBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`give a number from ${least} to ${most}`);
  };
}

/** The same, for a whole number. */
export function wholeNumberBetween(least: number, most: number): (text: string) => number {
  const parse = numberBetween(least, most);
  return (text) => {
    if (/^\d+$/.test(text)) return parse(text);
    throw new InvalidArgumentError(`give a whole number from ${least} to ${most}`);
  };
}

/** @throws UsageError for an invalid value. */
export function settingsOf(options: CommonOptions): Settings {
  const { sockets, data, space, hostId, region, metrics } = options;
  if (!isLocalSpaceName(space) || space.length > MAX_DEFAULT_SPACE_NAME) {
    throw new UsageError(
      `bad space ${JSON.stringify(space)}: letters, digits and . _ - only, at most ${MAX_DEFAULT_SPACE_NAME}, and not .global at its end`,
    );
  }
  return {
    sockets: path.resolve(sockets),
    data: path.resolve(data),
    space,
    // An empty variable counts as not set.
    hostId: hostId === '' ? undefined : hostId,
    machine: options.machine === '' ? undefined : options.machine,
    drivers: parseDrivers(options.drivers),
    region: region === '' ? process.env['AWS_REGION'] : (region ?? process.env['AWS_REGION']),
    budget: options.deadline * 1_000,
    inFlightBound: options.inFlightBound ?? options.deadline * 1_000 + FUNCTION_TIMEOUT_MS + QUEUE_MARGIN_MS,
    reconcile: {
      docker: parseDockerSocket(options.docker),
      mode: options.reconcile,
      every: options.reconcileEvery,
      secondLook: options.secondLook,
    },
    metrics: metrics === undefined || metrics === '' ? undefined : parseMetricsPlace(metrics),
  };
}
