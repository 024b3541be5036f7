/** `berth host show` and `berth host dead`: what a host is and holds is seen before it is freed. */
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import * as v from 'valibot';
import type { FunctionUrlClient } from '../cloud/client.ts';
import type { Endpoint } from '../endpoint.ts';
import { UserError } from '../user-error.ts';
import { type OperatorOptions, askConsole, declareHost, fleetOf, operating, unknownHost } from './host.ts';

const hostAnswer = v.object({
  Host: v.string(),
  State: v.string(),
  Why: v.string(),
  Principal: v.string(),
  LastSeen: v.string(),
  SilentSeconds: v.number(),
  LeaseUntil: v.string(),
  InLease: v.boolean(),
  Networks: v.array(v.object({ Space: v.string(), Pool: v.string(), Addresses: v.number(), IsAll: v.boolean() })),
  IsAll: v.boolean(),
});
export type HostAnswer = v.InferOutput<typeof hostAnswer>;

const shown = v.pipe(
  v.string(),
  v.parseJson(),
  v.variant('Outcome', [
    v.object({ Outcome: v.literal('unknown') }),
    v.object({ Outcome: v.literal('done'), ...hostAnswer.entries }),
  ]),
);

/** Networks that are shown one by one. */
const MAX_SHOWN = 20;

/** @throws UserError when the fleet does not answer, or no such host has ever registered. */
async function askHost(cloud: Pick<FunctionUrlClient, 'ask'>, endpoint: Endpoint, host: string): Promise<HostAnswer> {
  const answer = await askConsole(cloud, endpoint, '/Berth.Host', { Host: host }, shown);
  if (answer.Outcome === 'unknown') throw unknownHost(host);
  return answer;
}

/** What there is to know of a host, a line each. */
export function describeHost({ Host, State, Why, Principal, Networks, IsAll, ...host }: HostAnswer): string {
  const addresses = Networks.reduce((sum, network) => sum + network.Addresses, 0);
  const isCounted = IsAll && Networks.every((network) => network.IsAll);
  const plus = (count: number, all: boolean): string => `${count}${all ? '' : ' or more'}`;
  const hidden = Networks.length - MAX_SHOWN;
  const lines: [string, string][] = [
    ['host', Host],
    ['state', Why === '' ? State : `${State} (${Why})`],
    ['bound to', Principal === '' ? 'nobody' : Principal],
    ['last seen', `${host.LastSeen}, ${ago(host.SilentSeconds)}`],
    ['lease', `${host.InLease ? 'runs until' : 'ended'} ${host.LeaseUntil}`],
    ['networks', plus(Networks.length, IsAll)],
    ['addresses', plus(addresses, isCounted)],
    ...Networks.slice(0, MAX_SHOWN).map((network): [string, string] => [
      '',
      `${network.Pool} of space ${network.Space}: ${plus(network.Addresses, network.IsAll)} leased`,
    ]),
    ...(hidden > 0 ? [['', `and ${hidden} more`] satisfies [string, string]] : []),
  ];
  return lines.map(([name, value]) => `${name.padEnd(9)}  ${value}`).join('\n');
}

const UNITS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
] as const;

function ago(seconds: number): string {
  const [size, unit] = UNITS.find(([size]) => seconds >= 2 * size) ?? [1, 's'];
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

export interface Death {
  readonly host: string;
  readonly why: string;
  /** It is known to run no more, though its lease runs. */
  readonly overrideLease: boolean;
  /** What would be freed need not be asked about. */
  readonly yes: boolean;
}

/** Who sits there. */
export interface Terminal {
  readonly tell: (text: string) => void;
  /** `undefined`: nobody. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
}

/**
 * Shows a host and what would be freed, asks, and says that it is dead.
 *
 * @throws UserError when nobody agrees, or its lease runs and nobody overrides that.
 */
export async function endHost(
  cloud: Pick<FunctionUrlClient, 'ask'>,
  endpoint: Endpoint,
  { host, why, overrideLease, yes }: Death,
  { tell, ask }: Terminal,
): Promise<void> {
  const seen = await askHost(cloud, endpoint, host);
  tell(describeHost(seen));
  if (seen.InLease && !overrideLease) throw inLease(seen);
  // Nothing is at stake any more: what a first report has left is done.
  if (seen.State !== 'dead' && !yes) await agree(host, ask, ALL);
  const outcome = await declareHost(cloud, endpoint, { host, state: 'dead', why, overrideLease });
  if (outcome === 'unknown') throw unknownHost(host);
}

const inLease = ({ Host, State, SilentSeconds, LeaseUntil }: HostAnswer): UserError =>
  new UserError(
    `host ${Host} is ${State}: it was last heard of ${ago(SilentSeconds)}, and its lease runs until ${LeaseUntil}; if it ` +
      'still runs, its containers would share their addresses with others. Stop it and wait for the end of its lease, or, ' +
      'if you are sure that it runs no more, add --override-lease',
  );

const ALL = 'All of this is freed at once';
const FORMERS = 'All of it that the machine held which was this host before is freed within minutes';

/**
 * Shows a host, asks, and says that the machine that was it before is dead: what that held is freed, and nothing else.
 *
 * @throws UserError when nobody agrees, or there was no other machine before.
 */
export async function endFormer(
  cloud: Pick<FunctionUrlClient, 'ask'>,
  endpoint: Endpoint,
  { host, why, yes }: Omit<Death, 'overrideLease'>,
  { tell, ask }: Terminal,
): Promise<void> {
  tell(describeHost(await askHost(cloud, endpoint, host)));
  if (!yes) await agree(host, ask, FORMERS);
  const outcome = await declareHost(cloud, endpoint, { host, state: 'former-dead', why });
  if (outcome === 'unknown') throw unknownHost(host);
}

/** @param freed what there is to lose. */
async function agree(host: string, ask: Terminal['ask'], freed: string): Promise<void> {
  if (ask === undefined) {
    throw new UserError(
      `there is no terminal to ask at: look at host ${host} above, and add --yes to free what it holds`,
    );
  }
  const answer = await ask(
    `${freed}, for other hosts to use. What still runs on ${host} would share its addresses with them.\n` +
      `Type the id of the host to go on: `,
  );
  if (answer.trim() !== host) throw new UserError(`that is not ${host}: nothing is done`);
}

/** The one that this program was started at. */
const terminal = (): Terminal => ({
  tell: (text) => {
    console.error(text);
  },
  ask: process.stdin.isTTY ? question : undefined,
});

async function question(text: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // At the end of the input there is no answer, nor will there be.
  const ended = new Promise<string>((resolve) =>
    lines.once('close', () => {
      resolve('');
    }),
  );
  try {
    return await Promise.race([lines.question(text), ended]);
  } finally {
    lines.close();
  }
}

/** Adds `berth host show ID`. */
export function showCommand(host: Command): void {
  operating(host.command('show <id>'))
    .summary('its state, its last sign of life, and what it holds')
    .description('Show what the fleet knows of a host: its state, its last sign of life, its networks and addresses.')
    .action(async (id: string, options: OperatorOptions) => {
      console.log(describeHost(await askHost(...fleetOf(options), id)));
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
    .summary('it is gone for good: free what it held')
    .description(
      'A host is gone for good: all that it held is shown, and freed once you agree. Say so only of a host that runs no ' +
        'more: whatever still runs there would share its addresses with others.',
    )
    .option('--why <text>', 'the reason: kept with the host, and in the log', '')
    .option('--yes', 'agree without being asked, as where there is no terminal')
    .option('--override-lease', 'it runs no more, though it was heard of so recently that its lease still runs')
    .action(async (id: string, { why, overrideLease = false, yes = false, ...options }: DeathOptions) => {
      await endHost(...fleetOf(options), { host: id, why, overrideLease, yes }, terminal());
      console.log(`host ${id} is dead: what it held is freed, within minutes where it is much`);
    });
}

/** Adds `berth host former-dead ID`. */
export function formerDeadCommand(host: Command): void {
  operating(host.command('former-dead <id>'))
    .summary('the machine that was it before is gone for good: free what that held')
    .description(
      'Another machine has taken the place of a host, and what the former held sleeps, since nobody knows whether that ' +
        'still runs. It is gone for good: all that it held is freed once you agree. What the present machine holds stays ' +
        'as it is.',
    )
    .option('--why <text>', 'the reason: kept in the log', '')
    .option('--yes', 'agree without being asked, as where there is no terminal')
    .action(async (id: string, { why, yes = false, ...options }: Omit<DeathOptions, 'overrideLease'>) => {
      await endFormer(...fleetOf(options), { host: id, why, yes }, terminal());
      console.log(`the machine that was host ${id} before is dead: what it held is freed, within minutes`);
    });
}
