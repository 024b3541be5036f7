/**
 * Several networks of one host on one subnet. The table cannot tell to which of them an endpoint belongs, so nothing is
 * claimed and no network is freed there. Differences are reported all the same. Pure.
 */
import type { Finding, Views } from './finding.ts';
import type { Endpoint, FleetNetwork } from './fleet-records.ts';
import { isSame } from './subnet.ts';

/** All networks of this host on the subnet of a network, including that network. */
export const siblingsOf = (network: FleetNetwork, table: readonly FleetNetwork[]): FleetNetwork[] =>
  table.filter(({ pool, state }) => pool === network.pool && state !== 'gone');

/** @param standing endpoints on a pool that are in both of Docker's answers. */
export function ofSharedSubnets(views: Views, standing: (pool: string) => readonly Endpoint[]): Finding[] {
  const groups = new Map(views.table.map((network) => [network.pool, siblingsOf(network, views.table)]));
  return [...groups.values()].flatMap((siblings): Finding[] => {
    const [first] = siblings;
    if (first === undefined || siblings.length === 1) return [];
    const isLive = siblings.every(({ state }) => state === 'live');
    return [
      ...ofNetworks(first.pool, siblings, views),
      ...(isLive ? ofEndpoints(first, siblings, standing(first.pool)) : []),
    ];
  });
}

/** Docker has fewer networks than the table: one leaked, but it is unknown which. If Docker has none, all have leaked. */
function ofNetworks(pool: string, siblings: readonly FleetNetwork[], { before, after }: Views): Finding[] {
  const present = new Set(
    [...before, ...after]
      .filter(({ subnets }) => subnets.some(({ subnet }) => isSame(subnet, pool)))
      .map(({ id }) => id),
  ).size;
  const known = new Set(siblings.map(({ key }) => key)).size;
  return present > 0 && present < known ? [{ kind: 'unclear-network', pool, known, present }] : [];
}

/** An address may be leased once for each space that has the subnet: as many endpoints may have it. */
function ofEndpoints(
  network: FleetNetwork,
  siblings: readonly FleetNetwork[],
  endpoints: readonly Endpoint[],
): Finding[] {
  const leases = siblings.flatMap((sibling) => sibling.leases.map(({ address }) => address));
  const others = new Map(siblings.flatMap((sibling) => sibling.others.map(({ address, holder }) => [address, holder])));
  return endpoints.flatMap((endpoint): Finding[] => {
    const { address } = endpoint;
    const isIt = (one: { readonly address: string }): boolean => one.address === address;
    const [held, alike] = [leases.filter((one) => one === address).length, endpoints.filter(isIt)];
    if (alike.length <= held) return [];
    const holder = held === 0 ? others.get(address) : undefined;
    if (holder !== undefined) return [{ kind: 'conflict', network, endpoint, holder }];
    const twin = alike.find((one) => one !== endpoint);
    if (twin !== undefined)
      return [{ kind: 'conflict', network, endpoint, holder: `also the address of ${twin.name} on this host` }];
    return [{ kind: 'unclear-lease', network, endpoint }];
  });
}
