/** The options of `berth`, each also a variable of the environment, and the settings that they come to. */
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
import { UserError } from '../user-error.ts';

/** Where a shim is asked. */
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

/** ms that a function may take (serverless.yml), and what clocks and queues may add. */
const FUNCTION_TIMEOUT = 10_000;
const MARGIN = 5_000;

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type Level = (typeof LEVELS)[number];

function option(flags: string, description: string, env: string): Option {
  return new Option(flags, description).env(env);
}

/** Adds what says where a shim is asked. */
export function located(command: Command): Command {
  return command
    .option('--sockets <dir>', "folder of the plugin's sockets", defaultSockets())
    .addOption(option('--drivers <names>', 'which drivers to serve', 'BERTH_DRIVERS').default(DRIVERS.join(',')));
}

/** Any of a shim's sockets will do. */
export const socketOf = (folder: string, [driver]: readonly [Driver, ...Driver[]]): string =>
  path.join(path.resolve(folder), `${driver}.sock`);

/** Adds what every shim must know. */
export function common(command: Command): Command {
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
    .addOption(
      option(
        '--machine <name>',
        'what tells this machine from copies of its disk (default: its instance, firmware and network cards)',
        'BERTH_MACHINE',
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

/** For an argument that is a number. */
export function numberBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`give a number from ${least} to ${most}`);
  };
}

/** @throws UserError for a value that makes no sense. */
export function settingsOf(options: CommonOptions): Settings {
  const { sockets, data, space, hostId, region, metrics } = options;
  if (!isLocalSpaceName(space) || space.length > MAX_DEFAULT_SPACE_NAME) {
    throw new UserError(
      `bad space ${JSON.stringify(space)}: letters, digits and . _ - only, at most ${MAX_DEFAULT_SPACE_NAME}, and not .global at its end`,
    );
  }
  return {
    sockets: path.resolve(sockets),
    data: path.resolve(data),
    space,
    // A variable that is set to nothing is as good as none.
    hostId: hostId === '' ? undefined : hostId,
    machine: options.machine === '' ? undefined : options.machine,
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
