/** `berth host show`, `berth host dead` and `berth host former-dead`: the operator sees what a host holds before it is freed. */
import type { Command } from 'commander';
import type { HostHealth } from '../../protocol/host-messages.ts';
import { type HostMessage, type HostView, hostAnswer } from '../../protocol/operator-messages.ts';
import { UserError } from '../user-error.ts';
import { agoText } from './ago.ts';
import { examples } from './help.ts';
import { print } from './output.ts';
import { type Terminal, agreeTo, terminal } from './terminal.ts';
import {
  ConsoleRefusal,
  type Fleet,
  type OperatorOptions,
  askConsole,
  declareHost,
  fleetOf,
  operating,
  unknownHost,
} from './host.ts';
import { jsonOf } from './viewer.ts';

/** Networks that are shown one by one. */
const MAX_SHOWN_NETWORKS = 20;

/** @throws UserError when the fleet does not answer, or no such host has ever registered. */
async function askHost(fleet: Fleet, host: string): Promise<HostView> {
  const answer = await askConsole(fleet, '/Berth.Host', { Host: host } satisfies HostMessage, hostAnswer);
  if (answer.Outcome === 'unknown') throw unknownHost(host);
  return answer;
}

/** What its shim said with the last heartbeat. */
function healthLines(health: HostHealth): [string, string][] {
  const { Status, Reason, Waiting, DeadLetters, Findings, ComparedAt, Refused, LastRefusal } = health;
  return [
    ['health', Reason === '' ? Status : `${Status} (${Reason})`],
    ['journal', `${Waiting} calls wait, ${DeadLetters} dead letters`],
    ['compared', ComparedAt === null ? 'not yet, or it failed' : `${ComparedAt}, ${Findings} differences`],
    ['refused', LastRefusal === '' ? `${Refused} calls` : `${Refused} calls, the last: ${LastRefusal}`],
  ];
}

/** A host's state and holdings, one line each. */
export function describeHost({ Host, State, Why, Principal, Networks, IsAll, Health, ...host }: HostView): string {
  const addresses = Networks.reduce((sum, network) => sum + network.Addresses, 0);
  const isCounted = IsAll && Networks.every((network) => network.IsAll);
  const plus = (count: number, all: boolean): string => `${count}${all ? '' : ' or more'}`;
  const hidden = Networks.length - MAX_SHOWN_NETWORKS;
  const lines: [string, string][] = [
    ['host', Host],
    ['state', Why === '' ? State : `${State} (${Why})`],
    ['bound to', Principal === '' ? 'nobody' : Principal],
    ['last seen', `${host.LastSeen}, ${agoText(host.SilentSeconds)}`],
    ['lease', `${host.InLease ? 'runs until' : 'ended'} ${host.LeaseUntil}`],
    ...(Health ? healthLines(Health) : []),
    ['networks', plus(Networks.length, IsAll)],
    ['addresses', plus(addresses, isCounted)],
    ...Networks.slice(0, MAX_SHOWN_NETWORKS).map((network): [string, string] => [
      '',
      `${network.Pool} of space ${network.Space}: ${plus(network.Addresses, network.IsAll)} leased`,
    ]),
    ...(hidden > 0 ? [['', `and ${hidden} more`] satisfies [string, string]] : []),
  ];
  return lines.map(([name, value]) => `${name.padEnd(9)}  ${value}`).join('\n');
}

/** A host, as programs read it. */
export const hostJson = ({ Host, State, Why, Principal, Networks, Health, ...host }: HostView): object => ({
  id: Host,
  state: State,
  why: Why,
  principal: Principal,
  lastSeen: host.LastSeen,
  silentSeconds: host.SilentSeconds,
  leaseUntil: host.LeaseUntil,
  isInLease: host.InLease,
  shimVersion: host.ShimVersion ?? '',
  engineVersion: host.EngineVersion ?? '',
  health: Health ? jsonOf(Health) : null,
  networks: Networks.map(({ Space, Pool, Addresses, IsAll }) => ({
    space: Space,
    pool: Pool,
    addresses: Addresses,
    isAll: IsAll,
  })),
  isAll: host.IsAll,
});

export interface Death {
  readonly host: string;
  readonly why: string;
  /** The operator knows that the host has stopped, although its lease has not ended. */
  readonly overrideLease: boolean;
  /** The operator agrees without being asked. */
  readonly yes: boolean;
}

/**
 * Shows a host and what would be freed, asks, and declares the host dead.
 *
 * @throws UserError when the operator does not agree, or the host's lease has not ended and is not overridden.
 */
export async function endHost(
  fleet: Fleet,
  { host, why, overrideLease, yes }: Death,
  { tell, ask }: Terminal,
): Promise<void> {
  const seen = await askHost(fleet, host);
  tell(describeHost(seen));
  if (seen.InLease && !overrideLease) throw inLease(seen);
  // A host that is already dead is not asked about: this only completes what an earlier command left.
  if (seen.State !== 'dead' && !yes) await agree(host, ask, ALL);
  const outcome = await declareHost(fleet, { host, state: 'dead', why, overrideLease });
  if (outcome === 'unknown') throw unknownHost(host);
}

const inLease = ({ Host, State, SilentSeconds, LeaseUntil }: HostView): UserError =>
  new ConsoleRefusal(
    `host ${Host} is ${State}: it last registered ${agoText(SilentSeconds)}, and its lease runs until ${LeaseUntil}. If it still ` +
      'runs, other containers could get the addresses of its containers. Stop it and wait for the end of its lease, or, ' +
      'if you are sure that it has stopped, add --override-lease',
    'host-state',
  );

const ALL = 'All of this is freed at once';
const FORMERS = 'All that the machine held that was this host before is freed within minutes';

/**
 * Shows a host, asks, and declares the machine dead that was this host before. Only what that machine held is freed.
 *
 * @throws UserError when the operator does not agree, or there was no other machine before.
 */
export async function endFormer(
  fleet: Fleet,
  { host, why, yes }: Omit<Death, 'overrideLease'>,
  { tell, ask }: Terminal,
): Promise<void> {
  tell(describeHost(await askHost(fleet, host)));
  if (!yes) await agree(host, ask, FORMERS);
  const outcome = await declareHost(fleet, { host, state: 'former-dead', why });
  if (outcome === 'unknown') throw unknownHost(host);
}

/** @param freed says what is freed, and when. */
const agree = (host: string, ask: Terminal['ask'], freed: string): Promise<void> =>
  agreeTo(
    {
      word: host,
      question:
        `${freed}, and other hosts can use it. Containers that still run on ${host} would then share their addresses with ` +
        `others.\nType the id of the host to continue: `,
      unasked: `check host ${host} above, and add --yes to free what it holds`,
    },
    ask,
  );

/** Adds `berth host show ID`. */
export function showCommand(host: Command): void {
  operating(host.command('show <id>'))
    .summary('show its state, when it last registered, and what it holds')
    .description('Show a host: its state, when it last registered, its networks and addresses.')
    .addHelpText('after', examples('host show web-1', "host show web-1 --json | jq '.host.networks[].pool'"))
    .action(async (id: string, options: OperatorOptions) => {
      const view = await askHost(fleetOf(options), id);
      print(options, { host: hostJson(view) }, describeHost(view));
    });
}

interface DeathOptions extends OperatorOptions {
  readonly why: string;
  readonly overrideLease?: boolean;
  readonly yes?: boolean;
}

/** Adds `berth host dead ID`. */
export function deadCommand(host: Command): void {
  operating(host.command('dead <id>'))
    .summary('declare a host gone for good, and free what it held')
    .description(
      'Declare a host gone for good. The command shows all that the host held, and frees it once you agree. Use it only ' +
        'for a host that has stopped: containers that still run there would share their addresses with others.',
    )
    .option('--why <text>', 'the reason, stored with the host and in the log', '')
    .option('--yes', 'agree without being asked, for example without a terminal')
    .option('--override-lease', 'the host has stopped, although its lease has not ended yet')
    .addHelpText('after', examples('host dead web-1', "host dead web-1 --yes --why 'the rack burns'"))
    .action(async (id: string, { why, overrideLease = false, yes = false, ...options }: DeathOptions) => {
      await endHost(fleetOf(options), { host: id, why, overrideLease, yes }, terminal());
      const done = `host ${id} is dead: what it held is freed, within minutes if it is much`;
      print(options, { host: { id, declared: 'dead' } }, done);
    });
}

/** Adds `berth host former-dead ID`. */
export function formerDeadCommand(host: Command): void {
  operating(host.command('former-dead <id>'))
    .summary('declare the machine gone for good that was this host before, and free what it held')
    .description(
      'Another machine has taken the place of a host. What the former machine held is kept, since it may still run. ' +
        'Declare the former machine gone for good: all that it held is freed once you agree. What the present machine ' +
        'holds does not change.',
    )
    .option('--why <text>', 'the reason, stored in the log', '')
    .option('--yes', 'agree without being asked, for example without a terminal')
    .addHelpText('after', examples('host former-dead web-1'))
    .action(async (id: string, { why, yes = false, ...options }: Omit<DeathOptions, 'overrideLease'>) => {
      await endFormer(fleetOf(options), { host: id, why, yes }, terminal());
      const done = `the machine that was host ${id} before is dead: what it held is freed, within minutes`;
      print(options, { host: { id, declared: 'former-dead' } }, done);
    });
}
