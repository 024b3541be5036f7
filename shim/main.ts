#!/usr/bin/env node
/** The program `berth`. */
import { Command, Option } from 'commander';
import { type Logger, destination, pino } from 'pino';
import manifest from '../package.json' with { type: 'json' };
import { askHealth } from './commands/ask-health.ts';
import { checkCommand } from './commands/check.ts';
import { deadLettersCommands } from './commands/dead-letters.ts';
import { examine } from './commands/doctor.ts';
import { deadCommand, formerDeadCommand, showCommand } from './commands/host-death.ts';
import { completionCommands } from './commands/completion.ts';
import { exportCommand } from './commands/export.ts';
import { importCommand } from './commands/import.ts';
import { contextCommands } from './commands/context.ts';
import { stateCommands } from './commands/host.ts';
import { examples, summarize } from './commands/help.ts';
import { EXIT_CODES_HELP, run } from './commands/manners.ts';
import {
  type CommonOptions,
  type Level,
  type Location,
  common,
  located,
  numberBetween,
  settingsOf,
  socketOf,
} from './commands/options.ts';
import type { OutputOptions } from './commands/output.ts';
import { spaceCommands } from './commands/space.ts';
import { refuseWithoutCloud, startCloud } from './commands/up.ts';
import { freeCommands } from './commands/free.ts';
import { spaceViewCommands } from './commands/spaces.ts';
import { viewCommands } from './commands/views.ts';
import { prepareDataFolder } from './data-folder.ts';
import { messageOf } from './error-message.ts';
import { lockFolder } from './lock.ts';
import type { Health } from './plugin/health.ts';
import { type Shim, serveShim } from './serve.ts';
import { type Settings, isRoot, parseDrivers } from './settings.ts';
import { UsageError, UserError } from './user-error.ts';

interface CloudOptions {
  readonly dynamodb?: string;
  readonly sweepEvery?: number;
}

interface DoctorOptions extends Location, OutputOptions {
  readonly fix?: boolean;
  readonly free?: string[];
}

const program = new Command('berth')
  .description('IP address management for fleets of Docker hosts')
  .helpCommand(false)
  .version(manifest.version)
  .addHelpText('after', EXIT_CODES_HELP);

common(program.command('shim'))
  .summary('serve the plugin on this host')
  .description('serve the plugin on this host and forward its calls to the functions')
  .addOption(
    new Option(
      '--endpoint <url>',
      'URL of the capabilities function: https://…, unix:/PATH, or http:// on this machine',
    ).env('BERTH_ENDPOINT'),
  )
  .addHelpText('after', examples('shim --endpoint https://….lambda-url.eu-west-1.on.aws/', 'shim --health'))
  .option('--health', 'show the health of the running shim; exit code 0: ok, 1: failing or not running, 2: degraded')
  .action(async (options: CommonOptions & { endpoint?: string; health?: boolean }) => {
    if (options.health === true) await tellHealth(options);
    else await runShim(options, options.endpoint);
  });

located(program.command('doctor'))
  .summary('check this host, and compare its Docker with the table')
  .description(
    'show what the shim knows of this host, and compare its Docker with the table; exit code 0: they agree, 5: ' +
      'differences are left, 4: no shim answers, or they could not be compared',
  )
  .option('--fix', 'correct the differences; without it, they are only reported')
  .option(
    '--free <what...>',
    'free these subnets and addresses without proof that they are unused; a container that still uses them would share ' +
      'them with others',
  )
  .option('--json', 'print JSON, for programs')
  .addHelpText('after', examples('doctor', 'doctor --fix', 'doctor --free 10.1.0.7'))
  .action(async ({ sockets, drivers, fix, free = [], json }: DoctorOptions) => {
    await examine(socketOf(sockets, parseDrivers(drivers)), { isFix: fix === true, free, json });
  });

common(program.command('up'))
  .summary('run all of Berth on this machine')
  .description('run all of Berth on this machine: table, functions and plugin')
  .addHelpText('after', examples('up', 'up --data ./data --sockets ./sockets'))
  .option('--dynamodb <url>', 'use another DynamoDB-compatible endpoint than the embedded engine')
  .addOption(
    new Option('--sweep-every <ms>', 'pause between two sweeps').argParser(numberBetween(1, 3_600_000)).hideHelp(),
  )
  .action(async (options: CommonOptions & CloudOptions) => {
    await runUp(options);
  });

const host = program.command('host').description('show a host, or change its state in the fleet');
showCommand(host);
deadCommand(host);
formerDeadCommand(host);
stateCommands(host);
spaceCommands(program);
viewCommands(program);
freeCommands(program);
spaceViewCommands(program);
checkCommand(program);
exportCommand(program);
importCommand(program);
deadLettersCommands(program);
contextCommands(program);
await completionCommands(program, process.argv);
summarize(program);

/** For service managers and load balancers: the exit code is the status, the text has the reasons. */
async function tellHealth(options: CommonOptions): Promise<void> {
  const { sockets, drivers } = settingsOf(options);
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
    throw new UsageError("name the capabilities function's URL with --endpoint or BERTH_ENDPOINT");
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
  // Before anything is written.
  refuseWithoutCloud();
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
    if (reason === 'cloud') throw new UserError('the embedded cloud has ended; see its messages above');
  } finally {
    await cloud.stop();
  }
  lock.close();
}

function prepare(options: CommonOptions): Settings {
  const settings = settingsOf(options);
  // Only the user who runs Berth may access its sockets, keys and data.
  process.umask(0o077);
  prepareDataFolder(settings.data);
  return settings;
}

/** Where Docker looks for plugins, and the file that can name another socket, as `unix://PATH`. */
const DOCKER_SOCKETS = '/run/docker/plugins';
const SPEC_FILES = '/etc/docker/plugins/berth.spec (unix://PATH)';

/** Of log lines that wait to be written; lines beyond it are dropped. */
const MAX_LOG_BYTES = 1_048_576;

/** The log goes to standard error, as one line of JSON per event. */
function logger(level: Level): Logger {
  const stderr = destination({ dest: 2, sync: false, maxLength: MAX_LOG_BYTES });
  // A log that cannot be written, for example on a full disk, must not fail dockerd's calls, nor delay the end.
  stderr.on('error', () => {
    stderr.flushSync = () => undefined;
  });
  return pino({ base: null, level, timestamp: pino.stdTimeFunctions.isoTime }, stderr);
}

function announce({ hostId, sockets, warning }: Shim, { data, sockets: folder }: Settings, endpoint?: string): void {
  const lines = [
    warning === undefined ? 'Berth is ready.' : 'Berth has started, but serves no networks yet: see the warning.',
    `  host     ${hostId}`,
    `  data     ${data}`,
    ...sockets.map((socket, i) => `  ${i === 0 ? 'sockets ' : '        '} ${socket}`),
    ...(endpoint === undefined ? [] : [`  endpoint ${endpoint} (for berth shim --endpoint)`]),
    ...(warning === undefined ? [] : [`  warning  ${warning}`]),
    ...(folder === DOCKER_SOCKETS
      ? []
      : [`  note     Docker looks for plugins in ${DOCKER_SOCKETS}; name these sockets in ${SPEC_FILES}`]),
    `  try      ${isRoot() ? '' : 'sudo '}docker network create --ipam-driver berth demo`,
  ];
  console.log(lines.join('\n'));
}

/**
 * Installed before anything starts, so that a signal during the start leaves nothing half done, and a second signal does
 * not interrupt the stop: npm passes on a signal that the terminal has already sent to all processes.
 */
const terminated = (): Promise<'signal'> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        resolve('signal');
      });
    }
  });

await run(program, process.argv);
