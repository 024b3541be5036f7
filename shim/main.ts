#!/usr/bin/env node
/** The program `berth`. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { type Logger, destination, pino } from 'pino';
import manifest from '../package.json' with { type: 'json' };
import { lockFolder } from './lock.ts';
import { type Shim, serveShim } from './serve.ts';
import { type Settings, UserError, defaultData, defaultSockets, isRoot } from './settings.ts';
import { startCloud } from './up.ts';

interface CommonOptions {
  readonly sockets: string;
  readonly data: string;
  readonly space: string;
  readonly hostId?: string;
}

const program = new Command('berth')
  .description('IP address management for fleets of Docker hosts, with DynamoDB as its only authority')
  .version(manifest.version)
  .showHelpAfterError();

common(program.command('shim'))
  .description('serve the plugin on this host and forward its calls to the functions')
  .requiredOption('--endpoint <url>', "the capabilities function's: https://…, unix:/PATH, or http:// on this machine")
  .action(async (options: CommonOptions & { endpoint: string }) => {
    await runShim(options, options.endpoint);
  });

common(program.command('up'))
  .description('run all of Berth on this machine: table, functions and plugin')
  .option('--dynamodb <url>', 'use another DynamoDB-compatible endpoint than the embedded engine')
  .action(async (options: CommonOptions & { dynamodb?: string }) => {
    await runUp(options, options.dynamodb);
  });

function common(command: Command): Command {
  return command
    .option('--sockets <dir>', "folder of the plugin's sockets", defaultSockets())
    .option('--data <dir>', 'folder of what must survive a restart', defaultData())
    .option('--space <name>', 'the address space of networks that name none', 'default')
    .option('--host-id <id>', 'who this host is to the fleet (default: as before, else from /etc/machine-id)');
}

async function runShim(options: CommonOptions, endpoint: string): Promise<void> {
  const signal = terminated();
  const settings = prepare(options);
  const lock = lockFolder(settings.data);
  const shim = await serveShim(settings, endpoint, logger());
  announce(shim, settings);
  await signal;
  await shim.stop();
  lock.close();
}

async function runUp(options: CommonOptions, dynamodb: string | undefined): Promise<void> {
  const signal = terminated();
  const settings = prepare(options);
  const lock = lockFolder(settings.data);
  const cloud = await startCloud(settings.data, dynamodb);
  try {
    const shim = await serveShim(settings, cloud.endpoint, logger());
    announce(shim, settings, cloud.endpoint);
    const reason = await Promise.race([signal, cloud.ended.then(() => 'cloud' as const)]);
    await shim.stop();
    if (reason === 'cloud') throw new UserError('the embedded cloud has ended: see above');
  } finally {
    await cloud.stop();
  }
  lock.close();
}

function prepare({ sockets, data, space, hostId }: CommonOptions): Settings {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,54}$/.test(space)) {
    throw new UserError(`bad space ${JSON.stringify(space)}: letters, digits and . _ - only, at most 55`);
  }
  // Sockets, keys and data are for the user who runs this, nobody else.
  process.umask(0o077);
  const settings = { sockets: path.resolve(sockets), data: path.resolve(data), space, hostId };
  mkdirSync(settings.data, { recursive: true, mode: 0o700 });
  return settings;
}

/** Where Docker looks for plugins, and where a file with `unix://PATH` in it shows it another place. */
const DOCKER_SOCKETS = '/run/docker/plugins';
const SPEC_FILES = '/etc/docker/plugins/berth.spec (unix://PATH)';

/** The log goes to standard error, as one line of JSON per event. */
const logger = (): Logger => pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination(2));

function announce({ hostId, sockets }: Shim, { data, sockets: folder }: Settings, endpoint?: string): void {
  const lines = [
    'Berth is ready.',
    `  host     ${hostId}`,
    `  data     ${data}`,
    ...sockets.map((socket, i) => `  ${i === 0 ? 'sockets ' : '        '} ${socket}`),
    ...(endpoint === undefined ? [] : [`  endpoint ${endpoint} (for berth shim --endpoint)`]),
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
