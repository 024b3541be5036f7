/** The operators' commands to the fleet. Operators sign with their own credentials, which may call the console. */
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import * as v from 'valibot';
import type { HandshakeHeaders } from '../../protocol/headers.ts';
import {
  type HostStateAnswer,
  type HostStateMessage,
  consoleAnswer,
  hostStateAnswer,
} from '../../protocol/operator-messages.ts';
import { signers } from '../aws/signer.ts';
import { FunctionUrlClient } from '../cloud/client.ts';
import { Transport } from '../cloud/transport.ts';
import { type Endpoint, endpointNamedBy, parseEndpoint } from '../endpoint.ts';
import { EXIT } from '../exit-codes.ts';
import { UnreachableError, UserError } from '../user-error.ts';
import { examples } from './help.ts';
import { type OutputOptions, print } from './output.ts';
import { type PlaceOptions, placeOf } from './where.ts';

export interface Declaration {
  readonly host: string;
  /** `live`: its drain is lifted. `adopted`: the principal becomes this host. */
  readonly state: HostStateMessage['State'];
  readonly why: string;
  /** It is dead although its lease has not ended. */
  readonly overrideLease?: boolean;
  /** The ARN of the principal that becomes the host. */
  readonly principal?: string | undefined;
}

/** Of every operator command: where the fleet is, and how the answer is printed. */
export interface OperatorOptions extends PlaceOptions, OutputOptions {}

/** The fleet that an operator's command asks. */
export interface Fleet {
  readonly cloud: Pick<FunctionUrlClient, 'ask'>;
  /** The capabilities function's. */
  readonly endpoint: Endpoint;
}

const HANDSHAKE_TIMEOUT_MS = 15_000;
/** The console takes longer than other functions, since it frees what a dead host held. */
const CONSOLE_TIMEOUT_MS = 65_000;

/** Adds `drain ID`, `resume ID` and `adopt ID` to `berth host`; the commands that free something are in host-death.ts. */
export function stateCommands(host: Command): void {
  declaring(host.command('drain <id>'), 'draining')
    .summary('give a host no new networks and addresses')
    .description('Drain a host: it gets no new networks and addresses, and may release those that it has.')
    .addHelpText('after', examples("host drain web-1 --why 'new disk'"));
  declaring(host.command('resume <id>'), 'live')
    .summary('lift the drain of a host')
    .description('Lift the drain of a host: it gets networks and addresses again.')
    .addHelpText('after', examples('host resume web-1'));
  declaring(host.command('adopt <id>'), 'adopted')
    .summary('let another machine become a host')
    .description(
      'Let another machine become a host that is fenced or dead. Only a machine that signs as --principal is that host ' +
        'from then on, and it has its networks and addresses. Start berth shim --host-id ID on that machine.',
    )
    .requiredOption(
      '--principal <arn>',
      "the principal that signs on that machine: a user's ARN, or that of a role's session, on EC2 " +
        'arn:aws:sts::ACCOUNT:assumed-role/ROLE/INSTANCE-ID (run aws sts get-caller-identity there)',
    )
    .addHelpText('after', examples('host adopt web-1 --principal arn:aws:iam::123456789012:user/web'));
}

function declaring(command: Command, state: keyof typeof effects): Command {
  return operating(command)
    .option('--why <text>', 'the reason, stored with the host or in the log', '')
    .action(async (host: string, options: OperatorOptions & { readonly why: string; readonly principal?: string }) => {
      const outcome = await declareHost(fleetOf(options), {
        host,
        state,
        why: options.why,
        principal: options.principal,
      });
      if (outcome === 'unknown') throw unknownHost(host);
      print(options, { host: { id: host, declared: state } }, effects[state](host));
    });
}

export const unknownHost = (host: string): UserError =>
  new ConsoleRefusal(`no host ${host} has ever registered; nothing was changed`, 'host-unknown');

/** Adds the options that every operator command has. */
export const operating = (command: Command): Command =>
  command
    .option('--context <name>', 'the fleet of this name (berth context list)')
    .option('--endpoint <url>', "the fleet's URL, as for berth shim (env: BERTH_ENDPOINT)")
    .option('--region <region>', 'AWS region, if the URL does not contain it')
    .option('--json', 'print JSON, for programs');

/** @throws UsageError when nothing says where the fleet is. */
export function fleetOf(options: OperatorOptions): Fleet {
  const { endpoint, region, profile } = placeOf(options);
  return {
    cloud: new FunctionUrlClient(new Transport(), signers(region, { profile })),
    endpoint: parseEndpoint(endpoint),
  };
}

const effects = {
  draining: (host: string) => `host ${host} drains: it gets no new networks and addresses`,
  live: (host: string) => `host ${host} is no longer drained: it gets networks and addresses again`,
  adopted: (host: string) =>
    `host ${host} waits for the machine that you named; start berth shim there with --host-id ${host}, and within minutes it is ${host}`,
};

/** @throws UserError when the fleet does not answer, or refuses. */
export async function declareHost(
  fleet: Fleet,
  { host, state, why, overrideLease = false, principal }: Declaration,
): Promise<HostStateAnswer['Outcome']> {
  const key = randomBytes(12).toString('hex');
  const more = {
    ...(overrideLease && { OverrideLease: true }),
    ...(principal !== undefined && { Principal: principal }),
  };
  const message = { Host: host, State: state, Why: why, Key: key, ...more } satisfies HostStateMessage;
  const { Outcome } = await askConsole(fleet, '/Berth.HostState', message, hostStateAnswer);
  return Outcome;
}

/**
 * Asks where the console is, and then asks the console.
 *
 * @param schema of the answer.
 * @throws UserError when the fleet does not answer, or refuses.
 */
export async function askConsole<Schema extends v.GenericSchema>(
  { cloud, endpoint }: Fleet,
  path: string,
  message: object,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  const { Functions } = await shakeHands({ cloud, endpoint }, consoleAnswer);
  const body = JSON.stringify(message);
  const asked = { cloud, endpoint: endpointNamedBy(endpoint, Functions.Console) };
  return ask(asked, schema, { path, headers: {}, body, timeout: CONSOLE_TIMEOUT_MS });
}

/** Asks where the functions are. @throws UserError */
export const shakeHands = <Schema extends v.GenericSchema>(
  fleet: Fleet,
  schema: Schema,
): Promise<v.InferOutput<Schema>> =>
  ask(fleet, schema, {
    path: '/Berth.Handshake',
    headers: { 'berth-driver': 'berth' } satisfies HandshakeHeaders,
    body: '',
    timeout: HANDSHAKE_TIMEOUT_MS,
  });

/** The console has refused. */
export class ConsoleRefusal extends UserError {
  override readonly exitCode = EXIT.refused;
  /** The kind of refusal, where the functions name one. */
  override readonly code: string;

  constructor(reason: string, code = 'refused') {
    super(reason);
    this.code = code;
  }
}

export interface Asked {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeout: number;
}

/** Asks a function. @throws UserError when it does not answer, or refuses. */
export async function ask<Schema extends v.GenericSchema>(
  { cloud, endpoint }: Fleet,
  schema: Schema,
  { body, ...asked }: Asked,
): Promise<v.InferOutput<Schema>> {
  const verdict = await cloud.ask(endpoint, { question: 'own', ...asked, body: Buffer.from(body) });
  if (verdict.kind === 'failed') throw new UnreachableError(verdict.reason);
  if (verdict.refusal !== undefined) throw new ConsoleRefusal(verdict.refusal, verdict.code);
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), verdict.text);
  if (parsed.success) return parsed.output;
  throw new UserError(
    `unexpected response from ${endpoint.text}, not from this version of Berth: ${verdict.text.slice(0, 200)}`,
  );
}
