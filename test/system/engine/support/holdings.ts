/** What is held by the table and by Docker: both are equal if nothing has leaked. */
import assert from 'node:assert/strict';
import * as v from 'valibot';
import { formatCidr } from '../../../../protocol/address.ts';
import type { LocalCloud } from '../../../support/local-cloud.ts';
import type { Contents } from '../../processes/contents.ts';
import { untilOpen } from './berth.ts';
import type { Host } from './host.ts';

/** Sorted; of IPv4. */
export interface Holdings {
  readonly pools: readonly string[];
  /** The subnet of each network. */
  readonly networks: readonly string[];
  readonly endpoints: readonly string[];
  readonly gateways: readonly string[];
}

export function heldInTable({ pools, refs, addresses }: Contents): Holdings {
  const living = new Set(pools.map(({ generation }) => generation));
  // The reservations of a removed pool stay until its items are removed. A lease always stands for an endpoint.
  const kept = addresses.filter(({ slot, generation }) => slot.kind === 'reserved' && living.has(generation));
  return {
    pools: pools.map(({ cidr }) => formatCidr(cidr)).toSorted(),
    networks: refs
      .filter(({ state }) => state !== 'gone')
      .map(({ cidr }) => formatCidr(cidr))
      .toSorted(),
    endpoints: addressesOf(addresses.filter(({ slot }) => slot.kind === 'leased')),
    gateways: addressesOf(kept),
  };
}

const addressesOf = (held: Contents['addresses']): string[] => held.map(({ address }) => address).toSorted();

/** Docker reports a gateway only where it was given one. */
const inspected = v.array(
  v.object({
    IPAM: v.object({ Driver: v.string(), Config: v.array(v.object({ Subnet: v.string(), Gateway: v.string() })) }),
    Containers: v.record(v.string(), v.object({ IPv4Address: v.string() })),
  }),
);

export async function heldByDocker(host: Host): Promise<Holdings> {
  const networks = (await inspectNetworks(host)).filter(({ IPAM }) => IPAM.Driver === 'berth');
  const configs = networks.flatMap(({ IPAM }) => IPAM.Config);
  const subnets = configs.map(({ Subnet }) => Subnet).toSorted();
  const endpoints = networks.flatMap(({ Containers }) => Object.values(Containers));
  return {
    pools: [...new Set(subnets)],
    networks: subnets,
    endpoints: endpoints.map(({ IPv4Address }) => bare(IPv4Address)).toSorted(),
    gateways: configs.map(({ Gateway }) => bare(Gateway)).toSorted(),
  };
}

async function inspectNetworks(host: Host): Promise<v.InferOutput<typeof inspected>> {
  const ids = await host.docker('network', 'ls', '-q', '--filter', 'type=custom');
  if (ids === '') return [];
  const text = await host.docker('network', 'inspect', ...ids.split('\n'));
  return v.parse(v.pipe(v.string(), v.parseJson(), inspected), text);
}

const bare = (address: string): string => address.replace(/\/\d+$/, '');

/** Once no call of its shim is open, the table and Docker hold the same. */
export async function assertNothingLeaked(host: Host, cloud: Pick<LocalCloud, 'contents'>): Promise<void> {
  await untilOpen(host, (depth) => depth === 0);
  assert.deepEqual(heldInTable(await cloud.contents()), await heldByDocker(host));
}
