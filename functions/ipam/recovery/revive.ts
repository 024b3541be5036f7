/**
 * A host whose networks were reclaimed, because it was silent for too long or was declared dead, returns and still has
 * them. What is still free of them is restored, under the PoolIDs that its Docker knows.
 *
 * The reference comes first, and then every lease is written again. A call that frees the leftovers of an ended reference
 * reads the slot first and the reference afterwards, and its write is conditional on the exact slot: so it either sees
 * the reference, or its write fails because the lease was rewritten.
 */
import {
  type Address,
  type Cidr,
  cidrRange,
  formatAddress,
  formatCidr,
  rangeContains,
} from '../../../protocol/address.ts';
import { sequenceOf } from '../../../protocol/request-key.ts';
import { takeSeen } from '../addresses/claim-exact.ts';
import { type Endpoint, givenTag, leaseOf, stickyTag } from '../addresses/endpoint.ts';
import { describeSlot } from '../addresses/holder.ts';
import { keptBy, whoPreventsKeeping } from '../addresses/reservation.ts';
import { sideBySide } from '../all-settled.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { transitionRef } from '../host-refs.ts';
import { reclaim } from '../hosts/reclaim.ts';
import type { PoolId } from '../pool-id.ts';
import { type Pool, hasExpired } from '../pool.ts';
import { type CreateOutcome, createPool } from '../pools/create-pool.ts';
import { refuseCrowdedHost, refuseManyHosts, whyUnwanted } from '../pools/limits.ts';
import { type Former, joinPool } from '../pools/membership.ts';
import { gatewayOf } from '../pools/options.ts';
import type { Kept, Ref } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import { decodeSlot, readSlot, wasGiven } from '../slot.ts';
import { type SpaceConfig, configOf } from '../space.ts';
import { demandPoolId } from '../trusted-pool-id.ts';
import { pauseWithJitter } from '../world.ts';

export interface Revival {
  readonly poolId: string;
  /** The network's gateway, as Docker reports it. `undefined`: it has none, or none is known. */
  readonly gateway: Address | undefined;
  /** Auxiliary addresses. */
  readonly reserved: readonly Address[];
  /** Some of Docker's endpoints, with their addresses. */
  readonly held: readonly (Endpoint & { readonly address: Address })[];
  /** Whether these are the last ones. */
  readonly isLast: boolean;
}

export interface Revived {
  readonly state: Ref['state'];
  /** Addresses that others have got in the meantime, and their holders; what the network keeps with the last message only. */
  readonly taken: readonly { readonly address: Address; readonly holder: string }[];
}

/** ms between two reads of a pool that another call creates or removes. */
const REREAD_PAUSE_MS = 40;

/**
 * Restores a network, and the leases of some of its endpoints. The host repeats the call until it has named all; until
 * then the network gets no other address. Safe to repeat.
 *
 * @throws Refusal `out-of-range` for an address of another subnet, `pool-overlap` when others use the subnet by now,
 * `limit-reached` when the space no longer has room for it, `busy` when a retry may succeed.
 */
export async function reviveNetwork(deps: Deps, call: Call, revival: Revival): Promise<Revived> {
  const id = await demandPoolId(deps, revival.poolId, call);
  refuseOutside(id, revival);
  const known = await deps.store.readRef(id.generation, id.ref);
  if (known !== undefined && known.state !== 'gone' && known.state !== 'reviving') {
    return { state: known.state, taken: [] };
  }
  const taken: { address: Address; holder: string }[] = [];
  const { ref, isNew } = await takeUpWithinLimits(deps, call, id, { ref: refOf(call, id, revival, known), known });
  // Again with the last message: the one that took the network up may have been cut off before. Only the last answer tells.
  if (isNew || revival.isLast) {
    const lost = await keepListed(deps, call, ref);
    if (revival.isLast) taken.push(...lost);
  }
  for (const held of revival.held) {
    const holder = await takeBack(deps, call, id, held);
    if (holder !== undefined) taken.push({ address: held.address, holder });
  }
  if (!revival.isLast) return { state: 'reviving', taken };
  const isLive = await transitionRef(deps, ref, (now) =>
    now.state === 'reviving' && now.epoch === call.epoch
      ? { state: 'live', epoch: now.epoch, fencedAt: undefined, endedAt: undefined }
      : undefined,
  );
  return { state: isLive ? 'live' : ((await deps.store.readRef(id.generation, id.ref))?.state ?? 'gone'), taken };
}

function refuseOutside({ cidr }: PoolId, { gateway, reserved, held }: Revival): void {
  const all = [...(gateway === undefined ? [] : [gateway]), ...reserved, ...held.map(({ address }) => address)];
  const outside = all.find((address) => !rangeContains(cidrRange(cidr), address));
  if (outside === undefined) return;
  throw new Refusal(
    'out-of-range',
    `${formatAddress(outside)} is not an address of ${formatCidr(cidr)}; send only what Docker has on that subnet`,
  );
}

/** The network keeps what it kept before, if that is still known, or else what Docker reports. */
function refOf(call: Call, id: PoolId, revival: Revival, known: Ref | undefined): Ref {
  const kept: Kept = known ?? keptBySay(call, id, revival);
  return {
    name: id.ref,
    generation: id.generation,
    space: id.space,
    cidr: id.cidr,
    subPool: id.subPool,
    hostId: call.hostId,
    epoch: call.epoch,
    requestKey: call.requestKey,
    gateway: kept.gateway,
    reserved: kept.reserved,
    asked: kept.asked,
    state: 'reviving',
    fencedAt: undefined,
    endedAt: undefined,
  };
}

/** The default gateway is kept even where Docker has none, unless an endpoint has that address. */
function keptBySay(call: Call, { cidr }: PoolId, { gateway, reserved, held }: Revival): Kept {
  const fallback = gatewayOf(cidr, undefined);
  const isHeld = held.some(({ address }) => address.value === fallback?.value);
  return {
    gateway: gateway ?? (isHeld ? undefined : fallback),
    reserved: reserved.map(({ family, value }) => ({ family, first: value, last: value })),
    asked: [...(gateway === undefined ? [] : [gateway]), ...reserved].map((address) => ({
      address,
      sequence: sequenceOf(call.requestKey),
    })),
  };
}

/** Stamps what a network keeps from endpoints. @returns what an endpoint has got in the meantime. */
async function keepListed(deps: Deps, call: Call, ref: Ref): Promise<Revived['taken']> {
  const lost = await sideBySide(keptBy(ref), async (address) => {
    const holder = await whoPreventsKeeping(deps, call, ref, address);
    return holder === undefined ? [] : [{ address, holder }];
  });
  return lost.flat();
}

/** How a network comes back. */
interface Comeback {
  /** Its reference, as it is to be. */
  readonly ref: Ref;
  /** What is left of the reference, if anything. */
  readonly known: Ref | undefined;
}

/** The limits of a space apply to a restored network as to a new one. If it is refused, nothing of it is left. */
async function takeUpWithinLimits(deps: Deps, call: Call, id: PoolId, comeback: Comeback): ReturnType<typeof takeUp> {
  const { ref } = comeback;
  const config = configOf(id.space, await deps.store.readSpace(id.space));
  try {
    const up = await takeUp(deps, call, id, { ...comeback, config });
    if (up.isNew) {
      await refuseManyHosts(deps, call, ref, config.maxHostsPerPrincipal);
      await refuseCrowdedHost(deps, ref, config.maxNetworksPerHost);
    }
    return up;
  } catch (error) {
    if (error instanceof Refusal && error.code === 'limit-reached') {
      await reclaim(deps, ref, (now) => now.state === 'reviving' && now.requestKey === call.requestKey);
    }
    throw error;
  }
}

/** Restores the reference, and the pool with it: the existing one if others have kept it, or else a new announcement. */
async function takeUp(
  deps: Deps,
  call: Call,
  id: PoolId,
  { ref, known, config }: Comeback & { readonly config: SpaceConfig },
): Promise<{ readonly ref: Ref; readonly isNew: boolean }> {
  const former = { generation: id.generation, ref: known };
  while (deps.world.now() < call.deadline) {
    const standing = await deps.store.readPool(id.space, id.cidr);
    const isUp = standing?.state === 'confirmed' && standing.generation === id.generation;
    if (isUp && known?.state === 'reviving' && known.epoch === call.epoch) return { ref: known, isNew: false };
    const pool = await (standing === undefined
      ? recreate(deps, call, id, { ref, former, config })
      : join(deps, call, id, { ref, former, standing }));
    if (pool !== undefined) return { ref, isNew: true };
    await pauseWithJitter(deps.world, REREAD_PAUSE_MS);
  }
  throw new Refusal('busy', `${formatCidr(id.cidr)} is being created or removed by others; try again`);
}

async function join(
  deps: Deps,
  call: Call,
  id: PoolId,
  { ref, former, standing }: { readonly ref: Ref; readonly former: Former; readonly standing: Pool },
): Promise<Pool | undefined> {
  if (standing.state === 'pending') {
    if (hasExpired(standing, deps.world.now())) await deps.store.removePool(standing);
    return undefined;
  }
  if (standing.generation !== id.generation) throw refusalOfTaken(id, standing);
  return joinPool(deps, call, ref, former);
}

async function recreate(
  deps: Deps,
  call: Call,
  id: PoolId,
  { ref, former, config }: { readonly ref: Ref; readonly former: Former; readonly config: SpaceConfig },
): Promise<Pool | undefined> {
  const { space, cidr, cooldown } = id;
  const unwanted = whyUnwanted(space, config, cidr);
  if (unwanted !== undefined) throw unwanted;
  const announcedAt = deps.world.now();
  const draft = { space, cidr, announcedAt, createdBy: call.hostId, gateway: ref.gateway, cooldown, exclusive: false };
  const plan = { draft: () => draft, refOf: () => ref, maxPools: config.maxPools, former };
  const birth: CreateOutcome = await createPool(deps, call, plan, cidr);
  if (birth.kind === 'overlaps') throw refusalOfTaken(id, birth.pool);
  return birth.kind === 'born' ? birth.pool : undefined;
}

function refusalOfTaken({ cidr, space }: { cidr: Cidr; space: string }, by: Pool): Refusal {
  const since = new Date(by.announcedAt).toISOString();
  return new Refusal(
    'pool-overlap',
    `the network on ${formatCidr(cidr)} of space ${space} was reclaimed while this host was silent, and ` +
      `${formatCidr(by.cidr)} has been in use since ${since} (created by host ${by.createdBy}); ` +
      'remove the network (docker network rm) and create it again',
  );
}

/**
 * Writes the lease of an endpoint again, even over an old one of the same network: a call that would free the old lease
 * writes on its exact value, and fails.
 *
 * @returns the holder of the address, if another has it.
 */
async function takeBack(
  deps: Deps,
  call: Call,
  id: PoolId,
  { address, ...endpoint }: Revival['held'][number],
): Promise<string | undefined> {
  const value = leaseOf(call, id, endpoint);
  const seen = await readSlot(deps.store, id, address);
  const { place } = seen;
  const sticky = (wasGiven(seen.sticky) ? givenTag : stickyTag)(deps, call, endpoint);
  let current = seen.value;
  for (;;) {
    const standing = await takeSeen(deps, call, place, { value, sticky, seen: current });
    if (standing === undefined || standing === value) return undefined;
    const slot = decodeSlot(standing);
    // Released since, by a later message than this one.
    if (slot.kind === 'free') return undefined;
    if (slot.kind === 'reserved' || slot.ref !== id.ref) return describeSlot(deps, id.generation, slot);
    // Requested since, after the network was restored: this message arrived late.
    if (sequenceOf(slot.requestKey) > sequenceOf(call.requestKey)) return undefined;
    const outcome = await deps.store.writeSlot(place, value, sticky, { kind: 'exactly', value: standing });
    if (outcome.written) return undefined;
    if (deps.world.now() >= call.deadline)
      throw new Refusal('busy', `the state of ${formatAddress(address)} keeps changing; try again`);
    current = outcome.chunk.slots[place.slot];
  }
}
