/** What `docker network inspect` says of a host's networks, and how they move from Docker's own IPAM to Berth. */
import * as v from 'valibot';
import { cidrRange, parseCidr } from '../../protocol/address.ts';
import { UserError } from '../user-error.ts';
import type { Wish } from './import-plan.ts';

const words = v.optional(v.nullable(v.record(v.string(), v.string())), null);

const network = v.object({
  Name: v.pipe(v.string(), v.nonEmpty()),
  Scope: v.optional(v.string(), 'local'),
  Driver: v.string(),
  EnableIPv4: v.optional(v.boolean(), true),
  EnableIPv6: v.optional(v.boolean(), false),
  IPAM: v.object({
    Driver: v.string(),
    Config: v.optional(
      v.nullable(
        v.array(
          v.object({
            Subnet: v.optional(v.string(), ''),
            IPRange: v.optional(v.string(), ''),
            Gateway: v.optional(v.string(), ''),
            AuxiliaryAddresses: words,
          }),
        ),
      ),
      null,
    ),
  }),
  Internal: v.optional(v.boolean(), false),
  Attachable: v.optional(v.boolean(), false),
  ConfigOnly: v.optional(v.boolean(), false),
  ConfigFrom: v.optional(v.object({ Network: v.optional(v.string(), '') }), { Network: '' }),
  Containers: v.optional(
    v.nullable(
      v.record(
        v.string(),
        v.object({
          Name: v.string(),
          IPv4Address: v.optional(v.string(), ''),
          IPv6Address: v.optional(v.string(), ''),
        }),
      ),
    ),
    null,
  ),
  Options: words,
  Labels: words,
});
type Network = v.InferOutput<typeof network>;

export interface Move {
  readonly wishes: readonly Wish[];
  /** For a shell on that host, in this order. */
  readonly commands: readonly string[];
  /** Networks that stay as they are, and why. */
  readonly kept: readonly { readonly network: string; readonly why: string }[];
}

/**
 * @param space the address space that the networks move to.
 * @throws UserError that names the file, the network and the field.
 */
export function dockerMove(file: string, content: unknown, space: string): Move {
  const parsed = v.safeParse(v.array(network), content);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new UserError(
      `${file}: ${v.getDotPath(issue) ?? 'the document'}: ${issue.message}; give what docker network inspect prints`,
    );
  }
  const stays = parsed.output.map((one) => ({ one, why: whyItStays(one) }));
  const moving = stays.filter(({ why }) => why === undefined).map(({ one }) => one);
  return {
    wishes: parsed.output.filter(({ IPAM }) => IPAM.Driver === 'default').flatMap((one) => wishesOf(file, one)),
    commands: moving.flatMap((one) => commandsOf(one, space)),
    kept: stays.flatMap(({ one, why }) => (why === undefined ? [] : [{ network: one.Name, why }])),
  };
}

/** The networks that Docker makes itself, and that cannot be removed. */
const PREDEFINED: ReadonlySet<string> = new Set(['bridge', 'docker_gwbridge', 'docker-default']);

function whyItStays({ Name, Scope, Driver, IPAM, ConfigOnly, ConfigFrom }: Network): string | undefined {
  if (IPAM.Driver.startsWith('berth')) return "it is Berth's already";
  if (PREDEFINED.has(Name)) return 'Docker makes it itself, and gives its addresses itself';
  if (Scope === 'swarm') return "it is a swarm's: create it again on a manager, with the managed plugin";
  if (ConfigOnly || ConfigFrom.Network !== '') return 'it is made of a configuration: create it again yourself';
  if ((IPAM.Config ?? []).length === 0) return `the driver ${Driver} has no subnets`;
  return IPAM.Driver === 'default' ? undefined : `its addresses come from ${IPAM.Driver}`;
}

function wishesOf(file: string, { Name, IPAM }: Network): Wish[] {
  return (IPAM.Config ?? []).flatMap(({ Subnet }): Wish[] => {
    if (Subnet === '') return [];
    const cidr = parseCidr(Subnet);
    const from = `${file}: network ${Name}`;
    if (cidr === undefined)
      throw new UserError(`${from}: IPAM.Config.Subnet: ${JSON.stringify(Subnet)} is not a subnet`);
    return [{ kind: 'exclusion', what: Subnet, range: cidrRange(cidr), from, note: '' }];
  });
}

/** The containers lose the network for the time between the first command and the last. */
function commandsOf(one: Network, space: string): string[] {
  const name = quoted(one.Name);
  const containers = Object.values(one.Containers ?? {}).sort((a, b) => (a.Name < b.Name ? -1 : 1));
  return [
    ...containers.map((each) => `docker network disconnect ${name} ${quoted(each.Name)}`),
    `docker network rm ${name}`,
    createCommand(one, space),
    ...containers.map((each) => {
      const ip = flag('--ip', withoutMask(each.IPv4Address));
      const ip6 = flag('--ip6', withoutMask(each.IPv6Address));
      return ['docker network connect', ...ip, ...ip6, name, quoted(each.Name)].join(' ');
    }),
  ];
}

function createCommand(one: Network, space: string): string {
  const subnets = (one.IPAM.Config ?? []).flatMap(({ Subnet, IPRange, Gateway, AuxiliaryAddresses }) => [
    ...flag('--subnet', Subnet),
    ...flag('--ip-range', IPRange),
    ...flag('--gateway', withoutMask(Gateway)),
    ...pairs('--aux-address', AuxiliaryAddresses),
  ]);
  return [
    `docker network create --ipam-driver ${one.Driver === 'ipvlan' ? 'berth-ipvlan' : 'berth'}`,
    ...(space === 'default' ? [] : flag('--ipam-opt', `berth.space=${space}`)),
    ...flag('--driver', one.Driver),
    ...(one.EnableIPv4 ? [] : ['--ipv4=false']),
    ...(one.EnableIPv6 ? ['--ipv6'] : []),
    ...(one.Internal ? ['--internal'] : []),
    ...(one.Attachable ? ['--attachable'] : []),
    ...subnets,
    ...pairs('--opt', withoutFlags(one.Options)),
    ...pairs('--label', one.Labels),
    quoted(one.Name),
  ].join(' ');
}

/** Newer engines repeat the flags of the network among its options. */
const FLAGS: ReadonlySet<string> = new Set(['com.docker.network.enable_ipv4', 'com.docker.network.enable_ipv6']);

const withoutFlags = (options: Readonly<Record<string, string>> | null) =>
  Object.fromEntries(Object.entries(options ?? {}).filter(([name]) => !FLAGS.has(name)));

const flag = (name: string, value: string): string[] => (value === '' ? [] : [`${name} ${quoted(value)}`]);

const pairs = (name: string, values: Readonly<Record<string, string>> | null): string[] =>
  Object.entries(values ?? {}).flatMap(([key, value]) => flag(name, `${key}=${value}`));

/** Engine 20.10 writes the length of the subnet behind the gateway of IPv6. */
const withoutMask = (address: string): string => address.split('/')[0] ?? '';

/** As a shell reads one word. */
const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
