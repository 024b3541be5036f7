/** What must hold for a fleet, by the histories of its hosts and the final contents of the table. */
import type { Pool } from '../../../functions/ipam/pool.ts';
import type { Ref } from '../../../functions/ipam/ref.ts';
import { formatAddress, formatCidr, overlap } from '../../../protocol/address.ts';
import { type Share, holdingsOf, idOf, isEndpoint, sharesOf, unknownIn } from './claims.ts';
import type { Contents } from './contents.ts';
import type { Operation } from './history.ts';
import { type Step, explain } from './register.ts';

/** Describes every violation; empty if nothing is wrong. */
export const faultsOf = (history: readonly Operation[], table: Contents): string[] => [
  ...unexplainedAddresses(history, table),
  ...overlapping(sharesOf(history)),
  ...unaccountedNetworks(history, table),
  ...unaccountedPools(history, table),
  ...unaccountedReservations(history, table),
];

/** What is left when all hosts have released everything. */
export const leftovers = ({ pools, refs, addresses }: Contents): string[] => [
  ...pools.map(({ cidr, state }) => `left: the pool ${formatCidr(cidr)} (${state})`),
  ...refs.filter(({ state }) => state !== 'gone').map(({ name }) => `left: the network ${name}`),
  ...addresses.filter(({ slot }) => slot.kind === 'leased').map(({ address }) => `left: the lease of ${address}`),
];

/** Each address has one holder at a time, and in the end the one that the table says. */
function unexplainedAddresses(history: readonly Operation[], { addresses }: Contents): string[] {
  const last = new Map<string, string>(
    addresses.flatMap(({ generation, address, slot }) =>
      slot.kind === 'leased' ? [[`${generation} ${address}`, slot.requestKey] as const] : [],
    ),
  );
  const steps = Map.groupBy(stepsOf(history, last), ({ at }) => at);
  return [...new Set([...steps.keys(), ...last.keys()])].flatMap((at) => {
    const all = steps.get(at) ?? [];
    if (explain(all, last.get(at)) !== undefined) return [];
    const told = all
      .toSorted((a, b) => (a.begin < b.begin ? -1 : 1))
      .map(({ kind, holder, begin, end, hostId }) => `  ${begin} to ${end ?? '?'}: ${kind} ${holder} (${hostId})`);
    return [
      `no order explains what was seen of ${at}, held in the end by ${last.get(at) ?? 'nobody'}\n${told.join('\n')}`,
    ];
  });
}

type StepAt = Step & { readonly at: string; readonly hostId: string };

function stepsOf(history: readonly Operation[], last: ReadonlyMap<string, string>): StepAt[] {
  const step = (kind: Step['kind'], at: string, holder: string, { begin, result, hostId }: Operation): StepAt => ({
    kind,
    at,
    holder,
    begin,
    hostId,
    end: result?.end,
  });
  const known = holdingsOf(history).flatMap(({ generation, address, request, release }) => {
    const at = `${generation} ${address}`;
    const take = step('take', at, request.requestKey, request);
    return release === undefined ? [take] : [take, step('drop', at, request.requestKey, release)];
  });
  const others = history.filter(isEndpoint).flatMap((request) => {
    const at = `${idOf(request).generation} ${request.message.Address}`;
    if (request.result === undefined) {
      // Only the table shows whether and where it landed.
      const landed = [...last].filter(([, holder]) => holder === request.requestKey).map(([place]) => place);
      const places = request.message.Address === '' ? landed : [at];
      return places.map((place) => step('take', place, request.requestKey, request));
    }
    return request.result.answer.Error?.includes(' is held by ') ? [step('meet', at, '', request)] : [];
  });
  return [...known, ...others];
}

/** The subnets of networks that certainly existed at the same time do not overlap, unless they share one pool. */
function overlapping(shares: readonly Share[]): string[] {
  return shares.flatMap((a, i) =>
    shares.slice(i + 1).flatMap((b) => {
      const isShared = a.id.generation === b.id.generation;
      if (!meet(a, b)) return [];
      const both = `${formatCidr(a.id.cidr)} of ${a.hostId} and ${formatCidr(b.id.cidr)} of ${b.hostId}`;
      if (isShared) return a.wish === '' && b.wish === '' ? [`one automatic pool was given twice: ${both}`] : [];
      if (overlap(a.id.cidr, b.id.cidr)) return [`pools overlap: ${both}`];
      const isOneName = a.wish === b.wish && a.wish !== '';
      return isOneName ? [`the same request got different pools: ${both}`] : [];
    }),
  );
}

/** Whether both certainly existed at the same moment. */
const meet = (a: Share, b: Share): boolean =>
  (b.until === undefined || a.from < b.until) && (a.until === undefined || b.from < a.until);

/** The table has exactly the hosts' networks, and possibly those of calls with an unknown outcome. */
function unaccountedNetworks(history: readonly Operation[], { refs }: Contents): string[] {
  const shares = sharesOf(history);
  const live = refs.filter(({ state }) => state !== 'gone');
  const begun = new Set(unknownIn(history).map(({ requestKey }) => requestKey));
  const held = new Set(shares.filter(({ release }) => release === undefined).map(({ id }) => id.ref));
  const leaving = new Set(shares.filter(({ release }) => release && !release.result).map(({ id }) => id.ref));
  const isKnown = (name: string, requestKey: string) => held.has(name) || leaving.has(name) || begun.has(requestKey);
  const names = new Set(live.map(({ name }) => name));
  return [
    ...live
      .filter(({ name, requestKey }) => !isKnown(name, requestKey))
      .map(({ name, hostId, cidr }) => `leaked: the network ${name} of ${hostId} on ${formatCidr(cidr)}`),
    ...[...held].filter((name) => !names.has(name)).map((name) => `lost: the network ${name}`),
  ];
}

/** Every network has its pool, and every pool has a network, or a host that was killed while creating or ending it. */
function unaccountedPools(history: readonly Operation[], { pools, refs }: Contents): string[] {
  const live = new Set(refs.filter(({ state }) => state !== 'gone').map(({ generation }) => generation));
  const standing = new Map(pools.map((pool) => [pool.generation, pool]));
  return [
    ...pools
      .filter((pool) => !live.has(pool.generation) && !isCutOff(history, refs, pool))
      .map(({ cidr, state }) => `leaked: the pool ${formatCidr(cidr)} (${state})`),
    ...sharesOf(history)
      .filter(({ id, release }) => release === undefined && standing.get(id.generation)?.state !== 'confirmed')
      .map(({ id, hostId }) => `lost: the pool ${formatCidr(id.cidr)} of ${hostId}`),
  ];
}

/** Whether a host was killed while creating or ending a pool. */
const isCutOff = (history: readonly Operation[], refs: Contents['refs'], pool: Pool): boolean =>
  unknownIn(history).some((operation) => {
    if (operation.method === 'ReleasePool') return idOf(operation).generation === pool.generation;
    if (operation.method !== 'RequestPool') return false;
    const isAnnounced = pool.state === 'pending' && pool.createdBy === operation.hostId;
    return isAnnounced || refs.some((ref) => isOf(ref, pool) && ref.requestKey === operation.requestKey);
  });

const isOf = (ref: Ref, pool: Pool): boolean => ref.generation === pool.generation;

/** Every reserved address of an existing pool is kept by one of its networks. */
function unaccountedReservations(history: readonly Operation[], { pools, refs, addresses }: Contents): string[] {
  return pools.flatMap((pool) => {
    const live = refs.filter((ref) => isOf(ref, pool) && ref.state !== 'gone');
    if (isCutOff(history, refs, pool)) return [];
    const used = addresses.filter(({ generation }) => generation === pool.generation);
    return used.flatMap(({ address, slot }) => {
      const isKept = live.some(({ gateway }) => gateway !== undefined && formatAddress(gateway) === address);
      if (isKept === (slot.kind === 'reserved')) return [];
      return [isKept ? `lost: the gateway ${address} (${slot.kind})` : `leaked: the reservation of ${address}`];
    });
  });
}
