/**
 * Compares the table with what Docker has. Pure. Docker is asked before the table and again after it. What is in both of
 * its answers was there all the time; what is missing in one of them may just be appearing.
 */
import type { DockerEndpoint, DockerNetwork } from './docker-api.ts';
import type { Finding, Views } from './finding.ts';
import type { Endpoint, FleetNetwork } from './fleet-records.ts';
import { ofSharedSubnets, siblingsOf } from './shared-subnet.ts';
import { isIn, isSame, overlap } from './subnet.ts';

export function compare({ before, table, after }: Views): Finding[] {
  const docker = [...before, ...after];
  return [
    ...table.flatMap((network) => [
      ...leaks(network, docker),
      ...(network.isFormers && network.state !== 'gone' ? [{ kind: 'former-network', network } as const] : []),
      ...(network.state === 'live' ? ofLive(network, table, { before, after }) : []),
    ]),
    ...ofSharedSubnets({ before, table, after }, (pool) => standing(pool, before, after)),
    ...forgotten(table, before, after),
    ...unknown(table, before, after),
  ];
}

/** A Docker network that overlaps a pool keeps the pool from being freed; its addresses keep their leases. */
function leaks(network: FleetNetwork, docker: readonly DockerNetwork[]): Finding[] {
  if (network.state === 'gone' || network.state === 'dormant' || network.isFormers) return [];
  const on = docker.filter(({ subnets }) => subnets.some(({ subnet }) => overlap(subnet, network.pool)));
  const held = new Set(on.flatMap(heldIn));
  const leases = network.leases.filter(({ address }) => !held.has(address));
  return [
    ...leases.map((lease) => ({ kind: 'leaked-lease', network, lease }) as const),
    ...(on.length === 0 ? [{ kind: 'leaked-network', network } as const] : []),
  ];
}

/** All addresses that a network uses. */
const heldIn = ({ endpoints, subnets }: DockerNetwork): string[] => [
  ...endpoints.flatMap(({ addresses }) => addresses),
  ...subnets.flatMap(({ gateway, auxiliary }) => [gateway, ...auxiliary]),
];

/** The differences of the endpoints that are in both of Docker's answers. */
function ofLive(
  network: FleetNetwork,
  table: readonly FleetNetwork[],
  { before, after }: Pick<Views, 'before' | 'after'>,
): Finding[] {
  if (siblingsOf(network, table).length > 1) return [];
  const own = new Set(network.leases.map(({ address }) => address));
  const others = new Map(network.others.map(({ address, holder }) => [address, holder]));
  return standing(network.pool, before, after).flatMap((endpoint): Finding[] => {
    if (own.has(endpoint.address)) return [];
    const holder = others.get(endpoint.address);
    if (holder !== undefined) return [{ kind: 'conflict', network, endpoint, holder }];
    return [{ kind: 'missing-lease', network, endpoint }];
  });
}

function standing(pool: string, before: readonly DockerNetwork[], after: readonly DockerNetwork[]): Endpoint[] {
  const still = new Set(endpointsOn(pool, after).map(identity));
  return endpointsOn(pool, before)
    .filter((endpoint) => still.has(identity(endpoint)))
    .map(({ address, mac, name }) => ({ address, mac, name }));
}

const identity = ({ id, address }: { readonly id: string; readonly address: string }): string => `${id} ${address}`;

const endpointsOn = (pool: string, docker: readonly DockerNetwork[]) =>
  docker
    .filter((network) => isOn(network, pool))
    .flatMap(({ endpoints }) => endpoints)
    .flatMap(({ addresses, ...endpoint }: DockerEndpoint) =>
      addresses.filter((address) => isIn(address, pool)).map((address) => ({ ...endpoint, address })),
    );

/** Whether an IPAM plugin allocates a network's addresses from that subnet. */
export const isOn = ({ isRemote, subnets }: DockerNetwork, pool: string): boolean =>
  isRemote && subnets.some(({ subnet }) => isSame(subnet, pool));

/**
 * The networks that a Docker certainly has. Where it has fewer on a subnet than the table, it is unknown which of them it
 * has, and another Docker on this host may have the others.
 *
 * @returns their keys.
 */
export function sighted({ before, table, after }: Views): string[] {
  return table.flatMap(({ key, pool, state }) => {
    if (state === 'gone') return [];
    const there = before.filter((one) => isOn(one, pool) && after.some(({ id }) => id === one.id));
    const claimants = table.filter((other) => other.pool === pool);
    return there.length >= claimants.length ? [key] : [];
  });
}

/**
 * Networks that are gone from the table but not from Docker. Where Docker has fewer on a subnet than there are PoolIDs, it
 * is unknown which of them it has.
 */
function forgotten(
  table: readonly FleetNetwork[],
  before: readonly DockerNetwork[],
  after: readonly DockerNetwork[],
): Finding[] {
  return table.flatMap((network): Finding[] => {
    if (network.state !== 'gone' && network.state !== 'reviving') return [];
    const on = before.filter((one) => isOn(one, network.pool) && after.some(({ id }) => id === one.id));
    const claimants = table.filter(({ pool }) => pool === network.pool);
    const [subnet] = on.flatMap(({ subnets }) => subnets.filter((one) => isSame(one.subnet, network.pool)));
    if (subnet === undefined || on.length < claimants.length) return [];
    const { gateway, auxiliary: reserved } = subnet;
    return [
      { kind: 'forgotten-network', network, gateway, reserved, endpoints: standing(network.pool, before, after) },
    ];
  });
}

function unknown(
  table: readonly FleetNetwork[],
  before: readonly DockerNetwork[],
  after: readonly DockerNetwork[],
): Finding[] {
  return before
    .filter(({ ipam, isOfSwarm, id }) => ipam.includes('berth') && !isOfSwarm && after.some((one) => one.id === id))
    .flatMap(({ name, subnets }) =>
      subnets
        .filter(({ subnet }) => !table.some(({ pool }) => isSame(pool, subnet)))
        .map(({ subnet }) => ({ kind: 'unknown-network', name, pool: subnet }) as const),
    );
}
