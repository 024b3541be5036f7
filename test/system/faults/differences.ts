/** Whether the table holds what the dockerds of a host believe to have, and nothing else. */
import { decodePoolId } from '../../../functions/ipam/pool-id.ts';
import { hostTag, hostTagOf } from '../../../functions/ipam/ref.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { formatAddress, formatCidr } from '../../../protocol/address.ts';
import type { Contents } from '../processes/contents.ts';
import type { Dockerd } from './dockerd.ts';

/** By reference and by lease, as the table names them. */
interface Belief {
  readonly refs: ReadonlySet<string>;
  readonly leases: ReadonlySet<string>;
  readonly unknownRefs: ReadonlySet<string>;
  readonly unknownLeases: ReadonlySet<string>;
}

export interface Difference {
  readonly text: string;
  /** Key of the call that left it, where that is known. */
  readonly requestKey: string | undefined;
}

/** Describes every difference of one host; empty if nothing differs. */
export function differences(hostId: string, dockerds: readonly Dockerd[], table: Contents): Difference[] {
  const belief = beliefOf(hostId, dockerds);
  return [
    ...networks(hostId, belief, table),
    ...leases(hostId, belief, table),
    ...[...dockerds.flatMap(({ oddities }) => oddities), ...pools(hostId, table), ...reservations(hostId, table)].map(
      said,
    ),
  ];
}

function beliefOf(hostId: string, dockerds: readonly Dockerd[]): Belief {
  const id = (poolId: string) => decodePoolId(realWorld, poolId, { hostId });
  const networks = dockerds.flatMap((dockerd) => [...dockerd.networks]);
  const unknown = dockerds.flatMap((dockerd) => [...dockerd.unknown].map((each) => each.split(' ')));
  const leaseOf = (poolId: string, address: string) => `${id(poolId).ref} ${address}`;
  return {
    refs: new Set(networks.map(([poolId]) => id(poolId).ref)),
    leases: new Set(networks.flatMap(([poolId, held]) => [...held].map((address) => leaseOf(poolId, address)))),
    unknownRefs: new Set(unknown.flatMap(([poolId = '', address]) => (address === undefined ? [id(poolId).ref] : []))),
    unknownLeases: new Set(
      unknown.flatMap(([poolId = '', address]) => (address === undefined ? [] : [leaseOf(poolId, address)])),
    ),
  };
}

const said = (text: string): Difference => ({ text, requestKey: undefined });

function networks(hostId: string, { refs: held, unknownRefs }: Belief, { refs }: Contents): Difference[] {
  const live = refs.filter((ref) => ref.hostId === hostId && ref.state === 'live');
  const names = new Set(live.map(({ name }) => name));
  return [
    ...live
      .filter(({ name }) => !held.has(name) && !unknownRefs.has(name))
      .map(({ name, cidr, requestKey }) => ({
        text: `leaked: the network ${name} on ${formatCidr(cidr)}`,
        requestKey,
      })),
    ...[...held].filter((name) => !names.has(name)).map((name) => said(`lost: the network ${name}`)),
  ];
}

/** What is left in the slots of a removed pool does not hold an address. */
function leases(hostId: string, belief: Belief, { pools: standing, addresses }: Contents): Difference[] {
  const tag = hostTag(realWorld, hostId);
  const lives = new Set(standing.map(({ generation }) => generation));
  const leased = addresses.flatMap(({ generation, address, slot }) =>
    slot.kind === 'leased' && hostTagOf(slot.ref) === tag && lives.has(generation)
      ? [{ key: `${slot.ref} ${address}`, ref: slot.ref, requestKey: slot.requestKey }]
      : [],
  );
  const keys = new Set(leased.map(({ key }) => key));
  const isKnown = (key: string, ref: string): boolean =>
    belief.leases.has(key) || belief.unknownLeases.has(key) || belief.unknownRefs.has(ref);
  return [
    ...leased
      .filter(({ key, ref }) => !isKnown(key, ref))
      .map(({ key, requestKey }) => ({ text: `leaked: the lease ${key}`, requestKey })),
    ...[...belief.leases].filter((key) => !keys.has(key)).map((key) => said(`lost: the lease ${key}`)),
  ];
}

/** Every pool that the host created is confirmed and has a network. */
function pools(hostId: string, { pools: all, refs }: Contents): string[] {
  const live = new Set(refs.filter(({ state }) => state === 'live').map(({ generation }) => generation));
  return all
    .filter(({ createdBy }) => createdBy === hostId)
    .flatMap(({ generation, cidr, state }) => {
      if (state !== 'confirmed') return [`unfinished: the pool ${formatCidr(cidr)} (${state})`];
      return live.has(generation) ? [] : [`leaked: the pool ${formatCidr(cidr)}`];
    });
}

/** In pools that the host created, what a network keeps is reserved, and every reservation is kept by a network. */
function reservations(hostId: string, { pools: all, refs, addresses }: Contents): string[] {
  return all
    .filter(({ createdBy }) => createdBy === hostId)
    .flatMap(({ generation }) => {
      const live = refs.filter((ref) => ref.generation === generation && ref.state === 'live');
      const kept = new Set(
        live.flatMap(({ gateway, reserved }) => [gateway, ...reserved.map(firstOf)].flatMap(textOf)),
      );
      const reserved = new Set(
        addresses.flatMap(({ generation: life, address, slot }) =>
          life === generation && slot.kind === 'reserved' ? [address] : [],
        ),
      );
      return [
        ...[...reserved].filter((each) => !kept.has(each)).map((each) => `leaked: the reservation of ${each}`),
        ...[...kept].filter((each) => !reserved.has(each)).map((each) => `lost: the reservation of ${each}`),
      ];
    });
}

type Kept = Parameters<typeof formatAddress>[0];

/** The tests here reserve only single addresses. */
const firstOf = ({ family, first }: { family: Kept['family']; first: bigint }): Kept => ({ family, value: first });

const textOf = (address: Kept | undefined): string[] => (address === undefined ? [] : [formatAddress(address)]);
