/** `berth pools`, `pool show`, `addresses`, `whois`, `find` and `hosts`: who has what. Nothing here changes anything. */
import { type Command, Option } from 'commander';
import { HOST_STATES } from '../../protocol/states.ts';
import {
  type AddressUse,
  type Holder,
  type HostLine,
  type PoolUse,
  type ViewAddressMessage,
  type ViewAddressesMessage,
  type FoundAddress,
  type ViewFindMessage,
  type ViewHostsMessage,
  type ViewPoolMessage,
  type ViewPoolsMessage,
  viewAddressAnswer,
  viewAddressesAnswer,
  viewFindAnswer,
  viewHostsAnswer,
  viewPoolAnswer,
  viewPoolsAnswer,
} from '../../protocol/viewer-messages.ts';
import { agoText } from './ago.ts';
import { examples } from './help.ts';
import { ConsoleRefusal, type OperatorOptions, fleetOf, operating } from './host.ts';
import { print } from './output.ts';
import { describePast, secondOf, whoHad } from './past.ts';
import { type Column, factsOf, sizeText, tableOf } from './table.ts';
import { type InSpace, type Viewer, inSpace, jsonOf, noPool, pagesOf, viewerOf } from './viewer.ts';

/** Adds the commands that only look. */
export function viewCommands(program: Command): void {
  operating(program.command('pools [space]'))
    .summary('list pools, and how full they are')
    .description('List the pools (subnets) of an address space, and how full each of them is.')
    .addHelpText('after', examples('pools', "pools ci --json | jq '.pools[] | select(.leased > 200)'"))
    .action(async (name: string | undefined, options: OperatorOptions) => {
      const space = name ?? 'default';
      const pools = await allPools(await viewerOf(fleetOf(options)), space);
      print(options, { pools: jsonOf(pools) }, describePools(space, pools));
    });
  const pool = program.command('pool').description('look at a pool');
  inSpace(operating(pool.command('show <subnet>')))
    .summary('show how full a pool is, and whose networks use it')
    .description('Show a pool: how full it is, its gateway, and the hosts whose networks use it.')
    .addHelpText('after', examples('pool show 10.192.4.0/24', 'pool show 10.64.0.0/16 --space ci'))
    .action(async (subnet: string, options: InSpace) => {
      const { pool, holders } = await onePool(await viewerOf(fleetOf(options)), options.space, subnet);
      print(options, { pool: jsonOf({ ...pool, Holders: holders }) }, describePool(pool, holders));
    });
  inSpace(operating(program.command('addresses <subnet>')))
    .summary('list the addresses in use of a pool')
    .description('List the addresses of a pool that are leased, reserved, or resting after their release.')
    .addHelpText('after', examples('addresses 10.192.4.0/24', 'addresses 10.64.0.0/16 --space ci --json'))
    .action(async (subnet: string, options: InSpace) => {
      const found = await allAddresses(await viewerOf(fleetOf(options)), options.space, subnet);
      print(options, jsonOf(found), describeAddresses(subnet, found));
    });
  whoisCommand(program);
  inSpace(operating(program.command('find <text>')))
    .summary('find addresses by MAC, container or host')
    .description(
      'Find addresses by what has them: a MAC address, the name of an endpoint (as far as the table keeps it) or a host. ' +
        'Reads all pools of the address space.',
    )
    .addHelpText('after', examples('find 02:42:0a:c0:04:07', 'find web-1 --space ci'))
    .action(async (text: string, options: InSpace) => {
      const found = await findAll(await viewerOf(fleetOf(options)), options.space, text);
      print(options, jsonOf(found), describeFound(found));
    });
  operating(program.command('hosts'))
    .addOption(new Option('--state <state>', 'only the hosts in this state').choices(HOST_STATES))
    .option('--unhealthy', 'only the hosts that an operator should look at: degraded, failing or fenced')
    .summary('list the hosts of the fleet')
    .description('List the hosts of the fleet: their states and health, when they were last seen, and their versions.')
    .addHelpText('after', examples('hosts', 'hosts --unhealthy', 'hosts --state fenced'))
    .action(async (options: HostsOptions) => {
      const all = await allHosts(await viewerOf(fleetOf(options)), options.state);
      const hosts = options.unhealthy === true ? all.filter(isUnhealthy) : all;
      print(options, { hosts: jsonOf(hosts) }, describeHosts(hosts));
    });
}

function whoisCommand(program: Command): void {
  inSpace(operating(program.command('whois <address>')))
    .option('--at <time>', 'who had it at a time, such as 2026-11-24T09:30:00Z')
    .summary('say who has, or had, an address')
    .description('Say who has an address: which host and endpoint, with which MAC address, and since when.')
    .addHelpText('after', examples('whois 10.192.4.7', 'whois fd00::7 --space ci --at 2026-11-24T09:30:00Z'))
    .action(async (address: string, options: InSpace & { readonly at?: string }) => {
      if (options.at !== undefined) {
        const second = secondOf(options.at);
        const past = await whoHad(await viewerOf(fleetOf(options)), options.space, address, second);
        print(options, { past: jsonOf(past) }, describePast(past));
        return;
      }
      const whose = await whoHas(await viewerOf(fleetOf(options)), options.space, address);
      print(options, { address: jsonOf(whose) }, describeWhose(whose));
    });
}

async function allPools(view: Viewer, space: string): Promise<PoolUse[]> {
  const pools: PoolUse[] = [];
  const read = (After: string | null) =>
    view('/Berth.ViewPools', { Space: space, After } satisfies ViewPoolsMessage, viewPoolsAnswer);
  for await (const { Pools } of pagesOf(read)) pools.push(...Pools);
  return pools;
}

async function onePool(view: Viewer, space: string, subnet: string) {
  const holders: Holder[] = [];
  let pool: PoolUse | undefined;
  const read = async (After: string | null) => {
    const message = { Space: space, Pool: subnet, After } satisfies ViewPoolMessage;
    const answer = await view('/Berth.ViewPool', message, viewPoolAnswer);
    if (answer.Outcome === 'unknown') throw noPool(space, subnet);
    return answer;
  };
  for await (const { Holders, Next: _, Outcome: _outcome, ...seen } of pagesOf(read)) {
    pool ??= seen;
    holders.push(...Holders);
  }
  if (pool === undefined) throw noPool(space, subnet);
  return { pool, holders };
}

interface Addresses {
  readonly Addresses: readonly AddressUse[];
  readonly IsAll: boolean;
}

async function allAddresses(view: Viewer, space: string, subnet: string): Promise<Addresses> {
  const addresses: AddressUse[] = [];
  let isAll = true;
  const read = async (After: string | null) => {
    const message = { Space: space, Pool: subnet, After } satisfies ViewAddressesMessage;
    const answer = await view('/Berth.ViewAddresses', message, viewAddressesAnswer);
    if (answer.Outcome === 'unknown') throw noPool(space, subnet);
    return answer;
  };
  for await (const { Addresses, IsAll } of pagesOf(read)) {
    addresses.push(...Addresses);
    isAll &&= IsAll;
  }
  return { Addresses: addresses, IsAll: isAll };
}

async function whoHas(view: Viewer, space: string, address: string) {
  const message = { Space: space, Address: address } satisfies ViewAddressMessage;
  const answer = await view('/Berth.ViewAddress', message, viewAddressAnswer);
  if (answer.Outcome === 'unknown') throw noPoolAround(space, address);
  const { Outcome: _, ...whose } = answer;
  return whose;
}

type Whose = Awaited<ReturnType<typeof whoHas>>;

async function findAll(view: Viewer, space: string, text: string) {
  const found: FoundAddress[] = [];
  let [pools, isAll] = [0, true];
  const read = (After: string | null) =>
    view('/Berth.ViewFind', { Space: space, Text: text, After } satisfies ViewFindMessage, viewFindAnswer);
  for await (const { Found, Pools, IsAll } of pagesOf(read)) {
    found.push(...Found);
    pools += Pools;
    isAll &&= IsAll;
  }
  return { Found: found, Pools: pools, IsAll: isAll };
}

async function allHosts(view: Viewer, state: ViewHostsMessage['State']): Promise<HostLine[]> {
  const hosts: HostLine[] = [];
  const read = (After: string | null) =>
    view('/Berth.ViewHosts', { State: state, After } satisfies ViewHostsMessage, viewHostsAnswer);
  for await (const { Hosts } of pagesOf(read)) hosts.push(...Hosts);
  return hosts;
}

const noPoolAround = (space: string, address: string): ConsoleRefusal =>
  new ConsoleRefusal(
    `no pool of space ${space} contains ${address}; berth pools ${space} lists the pools`,
    'pool-unknown',
  );

const POOLS: readonly Column[] = [
  { head: 'POOL' },
  { head: 'USED', isNumber: true },
  { head: 'OF', isNumber: true },
  { head: 'FULL', isNumber: true },
  { head: 'RESTING', isNumber: true },
  { head: 'CREATED BY' },
  { head: 'STATE' },
];

export function describePools(space: string, pools: readonly PoolUse[]): string {
  if (pools.length === 0) return `no pool is held in space ${space}`;
  return tableOf(
    POOLS,
    pools.map((pool) => [
      pool.Pool,
      counted(pool, pool.Leased + pool.Reserved),
      sizeText(pool.Size),
      fullness(pool),
      counted(pool, pool.Resting),
      pool.CreatedBy,
      pool.State === 'confirmed' ? '' : pool.State,
    ]),
  );
}

/** `+`: not all of the pool was counted. */
const counted = ({ IsAll }: PoolUse, count: number): string => `${count}${IsAll ? '' : '+'}`;

const fullness = ({ Leased, Reserved, Size, IsAll }: PoolUse): string =>
  IsAll && Size !== '0' ? `${Math.floor(((Leased + Reserved) * 100) / Number(Size))} %` : '';

const share = (pool: PoolUse): string => (fullness(pool) === '' ? '' : ` (${fullness(pool)})`);

export function describePool(pool: PoolUse, holders: readonly Holder[]): string {
  const facts = factsOf([
    ['pool', `${pool.Pool} of space ${pool.Space}${pool.Exclusive ? ', for one network only' : ''}`],
    ['state', pool.State],
    ['created', `${pool.CreatedAt} by ${pool.CreatedBy}`],
    ['gateway', pool.Gateway ?? 'none'],
    ['used', `${counted(pool, pool.Leased + pool.Reserved)} of ${sizeText(pool.Size)}${share(pool)}`],
    ['', `${counted(pool, pool.Leased)} leased, ${counted(pool, pool.Reserved)} reserved`],
    ['resting', `${counted(pool, pool.Resting)}, for ${pool.Cooldown / 1_000} s after their release`],
  ]);
  const rows = holders.map(({ Host, State, Since, SubPool, Reserves }) => [
    Host,
    State,
    Since,
    SubPool ?? '',
    Reserves.join(', '),
  ]);
  const table = tableOf(
    [{ head: 'HOST' }, { head: 'STATE' }, { head: 'SINCE' }, { head: 'RANGE' }, { head: 'RESERVES' }],
    rows,
  );
  return rows.length === 0 ? `${facts}\n\nno network uses it` : `${facts}\n\n${table}`;
}

const ADDRESSES: readonly Column[] = ['ADDRESS', 'STATE', 'HOST', 'ENDPOINT', 'MAC', 'SINCE'].map((head) => ({ head }));

export function describeAddresses(subnet: string, { Addresses, IsAll }: Addresses): string {
  const note = IsAll ? '' : `\n\n${NOT_ALL}`;
  if (Addresses.length === 0) return `no address of ${subnet} is in use${note}`;
  return tableOf(ADDRESSES, Addresses.map(addressRow)) + note;
}

const NOT_ALL = 'in pools of more than 65,536 addresses, those that users chose may be missing';

const addressRow = ({ Address, State, Host, Endpoint, Mac, Since }: AddressUse): string[] => [
  Address,
  State,
  Host,
  Endpoint,
  Mac,
  Since ?? '',
];

export function describeFound({ Found, Pools, IsAll }: Awaited<ReturnType<typeof findAll>>): string {
  const note = IsAll ? '' : `\n\n${NOT_ALL}`;
  if (Found.length === 0)
    return `nothing of that name in ${Pools === 1 ? 'the one pool' : `the ${Pools} pools`} of the space${note}`;
  const rows = Found.map(({ Pool, ...address }) => [...addressRow(address), Pool]);
  return tableOf([...ADDRESSES, { head: 'POOL' }], rows) + note;
}

export function describeWhose({ Address, State, Host, Endpoint, Mac, Since, Pool, PoolState }: Whose): string {
  const facts: [string, string][] = [
    ['address', Address],
    ['pool', PoolState === 'confirmed' ? Pool : `${Pool} (${PoolState})`],
    ['state', State],
    ['host', Host],
    ['endpoint', Endpoint],
    ['MAC', Mac],
    ['since', Since ?? ''],
  ];
  return factsOf(facts.filter(([, value]) => value !== ''));
}

interface HostsOptions extends OperatorOptions {
  readonly state?: ViewHostsMessage['State'];
  readonly unhealthy?: boolean;
}

/** A dead host needs nobody's attention: it holds nothing. What a fenced one holds stays taken until somebody acts. */
const isUnhealthy = ({ State, Health }: HostLine): boolean =>
  State === 'fenced' || (State !== 'dead' && (Health?.Status ?? 'ok') !== 'ok');

const HOSTS: readonly Column[] = ['HOST', 'STATE', 'HEALTH', 'LAST SEEN', 'SHIM', 'DOCKER', 'WHY'].map((head) => ({
  head,
}));

export function describeHosts(hosts: readonly HostLine[]): string {
  if (hosts.length === 0) return 'there is no such host';
  const rows = [...hosts]
    .sort((a, b) => (a.Host < b.Host ? -1 : 1))
    .map(({ Health, ...host }) => [
      host.Host,
      host.State,
      Health?.Status ?? '',
      agoText(host.SilentSeconds),
      host.ShimVersion,
      host.EngineVersion,
      host.Why === '' ? (Health?.Reason ?? '') : host.Why,
    ]);
  return tableOf(HOSTS, rows);
}
